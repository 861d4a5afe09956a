package orchestratest

import (
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var literalRules = []rule{
	{
		"env values arrive byte for byte",
		"a value is what the caller wrote: nothing is expanded, quoted, trimmed or dropped on its way.",
		envArrives,
	},
	{
		"unusual env names arrive",
		"every name that Task.Validate accepts reaches the process, though shells ignore some.",
		func(s *subject) {
			task := shell("env-names", "")
			task.Command = []string{"env"}
			task.Env = map[string]string{"with.dot-and-dash": "a", "1": "b", "with space": "c", "$(HOME)": "d"}
			lines := strings.Split(s.succeed(task), "\n")
			for name, value := range task.Env {
				assert.Contains(s, lines, name+"="+value)
			}
		},
	},
	{
		"command arrives byte for byte",
		"an argument is what the caller wrote: no driver expands $(NAME) as Kubernetes does by itself, and no shell is put between.",
		commandArrives,
	},
	{
		"nothing leaks from the caller",
		"the caller's environment may hold its credentials; a task, which is less trusted, must not see it.",
		func(s *subject) {
			name := "ORCHESTRATEST_LEAK_" + strings.ReplaceAll(newNamespace(), "-", "_")
			require.NoError(s, os.Setenv(name, "secret"))
			s.Cleanup(func() { _ = os.Unsetenv(name) })
			task := shell("leak", "")
			task.Command = []string{"env"}
			assert.NotContains(s, s.succeed(task), name)
		},
	},
}

// awkward are strings that something between a caller and a process likes to change.
var awkward = map[string]string{
	"EMPTY": "", "SPACES": "  a  b  ", "NEWLINES": "\n\na\nb\n", "TABS_AND_CR": "\t\r\n\r", "QUOTES": `'"` + "`" + `\"\'`,
	"REFERENCE": "$(SPACES) $(MISSING)", "SHELL": "${HOME} $HOME $(echo x) `echo x`", "DOLLARS": "$ $$ $$$ $$(SPACES) $$$(SPACES)", "ESCAPED": `\$(SPACES) \n \u0041 %s %%`,
	"YAML": "- a: {b: [c, *d]} # e\n---\n...", "BOOLEAN": "no", "OCTAL": "0123", "NULL": "~", "TEMPLATE": "{{ .Task.ID }}{{ end }}",
	"UNICODE": "Grüße, 日本 🚀 \u2028 \ufeff", "CONTROL": "\x01\x1b[31m\x7f", "LONG": strings.Repeat("0123456789abcdef", 2000),
}

// toHex is a shell function that writes a string as a line of hexadecimal digits, which no log changes.
const toHex = `hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; echo; }; `

func envArrives(s *subject) {
	names := slices.Sorted(maps.Keys(awkward))
	script := toHex
	for _, name := range names {
		script += fmt.Sprintf("hex \"$%s\"; ", name)
	}
	task := shell("env", script)
	task.Env = awkward
	s.assertHexLines(names, s.succeed(task))

	absent := shell("env-empty", `echo "${EMPTY-unset}"`)
	absent.Env = map[string]string{"EMPTY": ""}
	assert.Equal(s, "\n", s.succeed(absent), "an empty value is not an absent one")
}

func commandArrives(s *subject) {
	names := slices.Sorted(maps.Keys(awkward))
	task := shell("command", toHex+`for arg; do hex "$arg"; done`)
	task.Command = append(task.Command, "sh")
	for _, name := range names {
		task.Command = append(task.Command, awkward[name])
	}
	task.Env = map[string]string{"SPACES": "expanded"} // for $(SPACES)
	s.assertHexLines(names, s.succeed(task))
}

// assertHexLines expects the awkward strings of these names, in this order.
func (s *subject) assertHexLines(names []string, output string) {
	s.Helper()
	lines := strings.Split(strings.TrimSuffix(output, "\n"), "\n")
	require.Len(s, lines, len(names), "output is %q", output)
	for i, name := range names {
		got, err := hex.DecodeString(lines[i])
		require.NoError(s, err)
		assert.Equal(s, awkward[name], string(got), name)
	}
}
