package orchestra_test

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func TestParseUser(t *testing.T) {
	id := func(n int64) *int64 { return &n }
	for input, want := range map[string]orchestra.User{
		"":                      {},
		"root":                  {UID: id(0)},
		"0":                     {UID: id(0)},
		"1000":                  {UID: id(1000)},
		"1000:0":                {UID: id(1000), GID: id(0)},
		"2147483647:2147483647": {UID: id(2147483647), GID: id(2147483647)},
	} {
		got, err := orchestra.ParseUser(input)
		require.NoError(t, err, "%q", input)
		assert.Equal(t, want, got, "%q", input)
	}
}

func TestParseUserRefuses(t *testing.T) {
	for _, input := range []string{
		"nobody", "root:0", "0:root", "-1", "+1", "-0", "01", "1:01", "0x10", "1e3", "1_000", " 1", "1 ", "1:", ":1", ":", "1:2:3",
		"2147483648", "1:2147483648", "99999999999999999999", "١", "1\x00",
	} {
		user, err := orchestra.ParseUser(input)
		assert.ErrorContains(t, err, "parsing user "+strconv.Quote(input), "%q", input)
		assert.Equal(t, orchestra.User{}, user, "%q", input)
	}
	_, err := orchestra.ParseUser("1:2147483648")
	assert.EqualError(t, err, `parsing user "1:2147483648": the gid is above 2147483647`)
}

func FuzzParseUser(f *testing.F) {
	for _, seed := range []string{"", "root", "1000:1000", "007", "2147483648", "-1", "1:"} {
		f.Add(seed)
	}
	plain := regexp.MustCompile(`\A(root|(0|[1-9][0-9]*)(:(0|[1-9][0-9]*))?)?\z`)
	f.Fuzz(func(t *testing.T, input string) {
		user, err := orchestra.ParseUser(input)
		if err != nil {
			return
		}
		assert.Regexp(t, plain, input)
		if user.UID != nil {
			assert.Empty(t, validation.IsValidUserID(*user.UID))
		}
		if user.GID != nil {
			assert.Empty(t, validation.IsValidGroupID(*user.GID))
		}
	})
}
