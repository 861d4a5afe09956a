package render

import (
	"errors"
	"maps"
	"slices"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// checkUsers checks the value `users`.
func checkUsers(values map[string]any) error {
	users := stringMap(values["users"])
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(users)) {
		if _, err := orchestra.ParseUser(users[name]); err != nil {
			problems = append(problems, under("users", under(name, err)))
		}
	}
	return errors.Join(problems...)
}

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
