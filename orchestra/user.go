package orchestra

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// User is who a task runs as. nil means that the image decides.
type User struct{ UID, GID *int64 }

// ParseUser parses Task.User. "" is the zero User and "root" is UID 0; otherwise it is "uid" or "uid:gid" in plain decimal from
// 0 to 2147483647, the range that Kubernetes allows (apimachinery's validation.IsValidUserID): no sign, space, leading zero or name.
func ParseUser(s string) (User, error) {
	switch s {
	case "":
		return User{}, nil
	case "root":
		return User{UID: new(int64)}, nil
	}
	uidText, gidText, hasGID := strings.Cut(s, ":")
	uid, err := parseUserNumber(uidText)
	if err != nil {
		return User{}, fmt.Errorf("parsing user %s: the uid %w", shortQuote(s), err)
	}
	if !hasGID {
		return User{UID: &uid}, nil
	}
	gid, err := parseUserNumber(gidText)
	if err != nil {
		return User{}, fmt.Errorf("parsing user %s: the gid %w", shortQuote(s), err)
	}
	return User{UID: &uid, GID: &gid}, nil
}

func parseUserNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) || err == nil && n > math.MaxInt32 {
		return 0, fmt.Errorf("is above %d", math.MaxInt32)
	}
	// Comparing with the canonical form refuses what ParseInt lets through: a sign and leading zeros.
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, errors.New("is not a plain decimal number")
	}
	return n, nil
}
