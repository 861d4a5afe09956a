package taskfile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func TestParse(t *testing.T) {
	task, err := Parse("task.yaml", []byte(`# a comment
id: 7
image: busybox:1.10
command: [sh, -c, "exit 1", 1.10, yes]
env: &env {A: b, VERSION: 1.10, ON: yes, EMPTY: ""}
mounts:
- {name: cache, path: /cache, sizeGB: 2}
- name: out
  path: out
limits: {cpu: 500m, memory: 64Mi}
privileged: true
user: 1000:1000
workDir: src
`))
	require.NoError(t, err)
	assert.Equal(t, orchestra.Task{
		ID: "7", Image: "busybox:1.10", Command: []string{"sh", "-c", "exit 1", "1.10", "yes"},
		Env:             map[string]string{"A": "b", "VERSION": "1.10", "ON": "yes", "EMPTY": ""},
		Mounts:          orchestra.Mounts{{Name: "cache", Path: "/cache", SizeGB: 2}, {Name: "out", Path: "out"}},
		ContainerLimits: orchestra.ContainerLimits{CPU: 512, Memory: 64 << 20}, Privileged: true, User: "1000:1000", WorkDir: "src",
	}, task)
}

func TestParseReportsEveryMistakeWithItsLine(t *testing.T) {
	_, err := Parse("task.yaml", []byte(`id: [a]
imgae: busybox
command: echo hello
env: [A=b]
mounts:
- {name: x, size: 3}
- {name: y, sizeGB: big}
- nothing
limits:
  cpu: lots
  memory: 0
privileged: maybe
user:
id: b
`))
	require.Error(t, err)
	assert.Equal(t, `task file task.yaml:1: want a text, not a list
task file task.yaml:2: unknown field "imgae"; there are command, env, id, image, limits, mounts, privileged, user, workDir
task file task.yaml:3: want a list, such as [sh, -c, "echo hello"], not "echo hello"
task file task.yaml:4: want fields (name: value), not a list
task file task.yaml:6: unknown field "size"; there are name, path, sizeGB
task file task.yaml:7: want a number that is not negative, not "big"
task file task.yaml:8: want fields (name: value), not "nothing"
task file task.yaml:10: "lots" is no number of CPUs, such as 2, 0.5 or 500m
task file task.yaml:11: "0" is no amount of memory, such as 512Mi or 2Gi
task file task.yaml:12: want true or false, not "maybe"
task file task.yaml:13: want a text, not nothing
task file task.yaml:14: the field "id" is there twice`, err.Error())
}

func TestParseRefusesWhatIsNoTask(t *testing.T) {
	for content, problem := range map[string]string{
		"":                                  `reading task file "t": it is empty`,
		"id: a\n image: b":                  `reading task file "t": yaml: line 2: mapping values are not allowed in this context`,
		"- id: a":                           "task file t:1: want fields (name: value), not a list",
		"id: a\n---\nid: b":                 "task file t:2: a second document; a task file holds one task",
		"id: a\n---\n{":                     `reading task file "t": yaml: line 3`,
		"id: \"\\x\"":                       `reading task file "t": yaml: did not find expected hexdecimal number`,
		"id: a\nenv: {A: {B: c}}":           "task file t:2: want a text, not fields",
		"id: a\nmounts: x":                  "task file t:2: want a list of mounts",
		"id: a\nlimits: {cpu: }":            "task file t:2: want a text, not nothing",
		"id: a\ncommand: [sh, null, [sh]]":  "task file t:2: want a text, not nothing",
		"id: a\nmounts: [{sizeGB: -1}]":     "task file t:2: want a number that is not negative",
		"id: a\nmounts: [{sizeGB: [1, 2]}]": "task file t:2: want a number that is not negative, not a list",
	} {
		_, err := Parse("t", []byte(content))
		assert.ErrorContains(t, err, problem, "%q", content)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("id: a\nenv: &e {A: b}\nmounts: [*e]\n---\n")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, content string) {
		first, err := Parse("t", []byte(content))
		second, again := Parse("t", []byte(content))
		assert.Equal(t, first, second)
		assert.Equal(t, err, again)
	})
}

func TestParseEnv(t *testing.T) {
	env, err := ParseEnv("list", []byte("# comment\n\nA=b\r\nQUOTED=\"as it is\"\nEQUALS=a=b\n EMPTY=\nSPACE= x "))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"A": "b", "QUOTED": `"as it is"`, "EQUALS": "a=b", "EMPTY": "", "SPACE": " x "}, env)

	_, err = ParseEnv("list", []byte("PATH\nA=b\n=c\n"))
	assert.EqualError(t, err, "env file list:1: the line is not NAME=VALUE\nenv file list:3: the line is not NAME=VALUE")
}
