package taskfile

import (
	"errors"
	"fmt"
	"strings"
)

// ParseEnv reads lines NAME=VALUE, as `docker run --env-file` does. Empty lines and those that begin with # are left out; quotes are part of
// the value. A name alone, for which Docker looks into its own environment, is a problem: nothing of that ever reaches a task. No line is
// quoted in an error, as it may go on with a secret that the line before begins.
func ParseEnv(name string, content []byte) (map[string]string, error) {
	env := map[string]string{}
	var problems []error
	number := 0
	for line := range strings.Lines(string(content)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if trimmed := strings.TrimSpace(line); trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		variable, value, found := strings.Cut(line, "=")
		if !found || variable == "" {
			problems = append(problems, fmt.Errorf("env file %s:%d: the line is not NAME=VALUE", name, number))
			continue
		}
		env[strings.TrimSpace(variable)] = value
	}
	return env, errors.Join(problems...)
}
