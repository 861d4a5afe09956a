package render

import "github.com/orchestra-ci/orchestra-k8s/orchestra"

// user resolves Task.User: through the value `users` if it names one, else strictly as "root", "uid" or "uid:gid".
func (s *Set) user(name string) (uid, gid *int64, err error) {
	if mapped, ok := s.users[name]; ok {
		name = mapped
	}
	user, err := orchestra.ParseUser(name)
	if err != nil {
		return nil, nil, err
	}
	return user.UID, user.GID, nil
}
