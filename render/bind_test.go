package render

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// bindingOf tells whether a file is rendered bound, and compares with the proven rendering if it is.
func bindingOf(t *testing.T, set *Set, name string, task orchestra.Task) bool {
	t.Helper()
	data, err := set.taskData(task, RoleTask)
	require.NoError(t, err)
	bound, ok := set.bound(name, data)
	if ok {
		proven, err := set.proven(name, data)
		require.NoError(t, err)
		assert.Equal(t, proven, bound)
	}
	return ok
}

// TestOurTemplatesAreBound keeps the common case quick: a change that makes one of our templates too clever for that is found here.
func TestOurTemplatesAreBound(t *testing.T) {
	hostileTask := fullTask()
	hostileTask.Env = map[string]string{"EMPTY": "", "GREETING": "a: b # c\n---\n", "NUMBER": "0123", "QUOTES": `"'\`}
	for _, builtin := range []string{"", "job", "secret-env", "restricted", "dedicated-namespace"} {
		var layers []Layer
		if builtin != "" {
			layers = append(layers, builtinLayer(t, "builtin/"+builtin))
		}
		set := newSet(t, layers...)
		hostileTask.Privileged = builtin != "restricted"
		for _, task := range []orchestra.Task{plainTask(), hostileTask} {
			assert.True(t, bindingOf(t, set, "pod.yaml", task), builtin)
			assert.True(t, bindingOf(t, set, "env.yaml", task), builtin)
		}
	}
}

// TestWhatIsBound: each template is bound, or left to plain rendering, as the second column says. Either way it gives the same.
func TestWhatIsBound(t *testing.T) {
	for text, want := range map[string]bool{
		`a: {{ .Task.Image }}`:                                        true,
		`a: {{ toJson .Task.Command }}`:                               true,
		`a: {{ .Task.Image | quote }}`:                                true,
		`a: "{{ .Name }}"`:                                            true,
		`a: {b: {{ .Name }}, c: [{{ toJson .Task.Dir }}]}`:            true,
		`a: {{ printf "%s-env" .Name | toJson }}`:                     true,
		`a: {{ .Task.Image | upper }}`:                                true,
		`a: {{ index .Labels "orchestra.role" }}`:                     true,
		`a: {{ .Task.Env | len }}`:                                    true,
		`{{ if eq .Task.Image "busybox:1.36" }}a: yes-it-is{{ end }}`: true,
		`a: '{{ toJson .Task.Command }}'`:                             false, // text, not a list
		"a: |-\n  {{ toJson .Task.Command }}":                         false,
		`a: {{ toJson .Task.Command | toJson }}`:                      false,
		`a: {{ toJson .Task.Command | len }}`:                         false,
		`a: {{ toJson .Task.Image }}{{ toJson .Task.Image }}`:         false,
		"{{ $x := toJson .Task.Command }}a: {{ $x }}\nb: {{ $x }}":    false, // would be one list in two places
		`a: {{ index .Task.Command 2 }} # {{ .Task.ID }}`:             false,
		`a: {{ .Task.Image | squote }}`:                               false,
		`a: {{ join "," .Task.Command | toJson }}`:                    false,
		`a: {{ (index .Task.Env 0).Value }}`:                          false, // true
		"a: b\n---\nc: d":                                             false,
		`a: &x b`:                                                     false,
	} {
		set := loaded(t, layer("acme", "extra.yaml", text))
		assert.Equal(t, want, bindingOf(t, set, "extra.yaml", plainTask()), text)
	}
}

// TestWhatIsBoundOfEmptyStrings: an empty string is bound, but not written or put together with others.
func TestWhatIsBoundOfEmptyStrings(t *testing.T) {
	task := plainTask()
	task.Env = map[string]string{"EMPTY": ""}
	task.Command = []string{"", "12"}
	for text, want := range map[string]bool{
		`a: {{ index .Task.Command 0 | toJson }}`:                                       true,
		`a: {{ toJson .Task.Command }}`:                                                 true,
		`a: {{ index .Task.Command 0 | quote }}`:                                        true,
		`a: {{ index .Task.Command 0 | b64enc | toJson }}`:                              true,
		`a: {{ dict "x" (index .Task.Command 0) "y" "z" | toJson }}`:                    false, // true
		`{{ range .Task.Env }}{{ if .Value }}a: b{{ else }}c: d{{ end }}{{ end }}`:      true,
		`a: {{ index .Task.Command 0 | default "b" }}`:                                  true,
		`a: {{ or (index .Task.Command 0) "b" }}`:                                       true,
		`a: {{ eq (index .Task.Command 0) "" }}`:                                        true,
		`a: "{{ index .Task.Command 0 }}"`:                                              false, // true
		`a: b{{ index .Task.Command 0 }}`:                                               false, // true
		`a: {{ printf "%sb" (index .Task.Command 0) }}`:                                 false, // true
		`a: {{ include "x" (index .Task.Command 0) }}{{ define "x" }}b{{ . }}{{ end }}`: false,
	} {
		set := loaded(t, layer("acme", "extra.yaml", text))
		assert.Equal(t, want, bindingOf(t, set, "extra.yaml", task), text)
	}
	for _, text := range []string{
		`a: {{ index .Task.Command 0 }}`, `a: {{ index .Task.Command 0 | nindent 2 }}`, `a: 12{{ index .Task.Command 0 }}`, `a: {{ printf "%s12" (index .Task.Command 0) }}`,
		`a: {{ print (index .Task.Command 0) 12 }}`, `a: {{ join "" (list 12 (index .Task.Command 0)) }}`, `a: {{ index .Task.Command 0 | adler32sum }}`,
		`a: {{ regexReplaceAll "^$" (index .Task.Command 0) "12" }}`, `a: {{ replace "x" "" "1x2" | cat (index .Task.Command 0) }}`, `a: {{ index .Task.Command 0 | toYaml }}2`,
	} {
		set := loaded(t, layer("acme", "extra.yaml", text))
		data, err := set.taskData(task, RoleTask)
		require.NoError(t, err)
		_, ok := set.bound("extra.yaml", data)
		assert.False(t, ok, text)
	}
}

func TestPrivateUseCharactersOfAuthorsAndTasksArrive(t *testing.T) {
	const icon = "\U000F0041" // of an icon font; in disguise an "A"
	task := plainTask()
	for name, text := range map[string]string{"as it is": "a: " + icon, "escaped": `a: "\U000F0041"`, "made by a function": `a: {{ b64dec "87CBgQ==" | toJson }}`} {
		set := loaded(t, layer("acme", "extra.yaml", text))
		data, err := set.taskData(task, RoleTask)
		require.NoError(t, err)
		documents, err := set.documents("extra.yaml", data)
		if err == nil { // else it is refused
			assert.Equal(t, icon, documents[0].object["a"], name)
		}
	}
	task.Image = icon
	assert.Equal(t, icon, taskContainer(t, render(t, newSet(t), task))["image"])
}

// What is harmless may be cut into what is not.
func TestStringsAreTasksHoweverTheyAreCut(t *testing.T) {
	for expression, task := range map[string]orchestra.Task{
		`trimPrefix "v" .Task.Image`:                   {Image: "v1"},
		`.Task.Image | upper | trimPrefix "_"`:         {Image: "_12"},
		`trunc 2 .Task.Image`:                          {Image: "12xyz"},
		`.Task.Image | replace "x" ""`:                 {Image: "1x2"},
		`(split "x" .Task.Image)._0`:                   {Image: "1x2"},
		`regexFind "[0-9]+" .Task.Image`:               {Image: "a12"},
		`b64enc .Task.Image`:                           {Image: "\u3d34\uE3B4"[:3]},
		`.Task.Image | b64dec`:                         {Image: "MTIz"},
		`substr 1 3 .Task.Image`:                       {Image: "v10"},
		`printf "%.2s" .Task.Image`:                    {Image: "12x"},
		`index (splitList "." .Task.Image) 1`:          {Image: "a.12"},
		`trim .Task.Image`:                             {Image: " "},
		`trimAll "z" .Task.Image`:                      {Image: "zz"},
		`regexFind "[0-9]" .Task.Image`:                {Image: "z"},
		`printf "12%s" (trimAll "z" .Task.Image)`:      {Image: "zz"},
		`printf "12%s" (.Task.Image | replace "z" "")`: {Image: "zz"},
		`print 12 (substr 0 0 .Task.Image)`:            {Image: "zz"},
		`printf "12%s" (printf "%.0s" .Task.Image)`:    {Image: "zz"},
		`cat 12 (trimSuffix "z" .Task.Image)`:          {Image: "z"},
		`include "a" (trimPrefix "z" .Task.Image)`:     {Image: "z"},
	} {
		task.ID = "a"
		set := loaded(t, layer("acme", "extra.yaml", "a: {{ "+expression+" }}", "_a.tpl", `{{ define "a" }}12{{ . }}{{ end }}`))
		data, err := set.taskData(task, RoleTask)
		require.NoError(t, err)
		documents, err := set.documents("extra.yaml", data)
		if err == nil {
			assert.IsType(t, "", documents[0].object["a"], expression)
			continue
		}
		field := "Task.Image"
		if strings.Contains(expression, "substr 0 0") || strings.Contains(expression, "%.0s") || task.Image == "z" && strings.Contains(expression, "regexFind") {
			field = "Task" // so would any other word of it
		}
		assert.ErrorContains(t, err, "acme/extra.yaml:1: "+field+" would not arrive", expression)
	}
}

func TestBoundValuesCountAgainstTheCap(t *testing.T) {
	task := plainTask()
	task.Command = []string{strings.Repeat("a", maxOutputBytes/4)}
	set := loaded(t, layer("acme", "extra.yaml", "{{ range until 9 }}\n- {{ toJson $.Task.Command }}{{ end }}"))
	data, err := set.taskData(task, RoleTask)
	require.NoError(t, err)
	_, err = set.documents("extra.yaml", data)
	assert.ErrorContains(t, err, "bytes")
}
