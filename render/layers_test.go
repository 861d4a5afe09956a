package render

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func TestLaterLayerWinsPerFile(t *testing.T) {
	first := layer("first", "env.yaml", "apiVersion: v1\nkind: ConfigMap\ndata: {from: first}\n", "policy.yaml", "apiVersion: v1\nkind: ConfigMap\ndata: {from: first}\n")
	second := layer("second", "env.yaml", "apiVersion: v1\nkind: ConfigMap\ndata: {from: second}\n")
	extras := render(t, newSet(t, first, second), orchestra.Task{ID: "a", Image: "busybox"}).Extras
	require.Len(t, extras, 2)
	assert.Equal(t, map[string]any{"from": "second"}, extras[0].Object["data"])
	assert.Equal(t, map[string]any{"from": "first"}, extras[1].Object["data"])
	assert.Equal(t, "ci-a-vcq6c72nf5zj6-env", strings.Replace(extras[0].GetName(), newSet(t).WorkloadName("a"), "ci-a-vcq6c72nf5zj6", 1))
}

// In one text/template set an override that is empty, or only a comment, would lose against the default.
func TestEmptyOverrideWins(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "comment": "{{/* nothing */}}\n", "space": " \n"} {
		set := newSet(t, builtinLayer(t, "builtin/secret-env"), layer("acme", "env.yaml", text))
		assert.Empty(t, render(t, set, fullTask()).Extras, name)
	}
}

func TestPartialIsReplacedOneDefineAtATime(t *testing.T) {
	set := newSet(t, layer("acme", "_mine.tpl", `{{ define "securityContext" }}{"runAsUser": 7}{{ end }}`))
	container := taskContainer(t, render(t, set, fullTask()))
	assert.Equal(t, map[string]any{"runAsUser": int64(7)}, container["securityContext"])
	assert.Equal(t, "busybox:1.36", container["image"], "the other defines are still the defaults'")
}

// A define that misses the one that it was to replace by a letter would be ignored without a word.
func TestDefineThatReplacesNothingIsRefused(t *testing.T) {
	_, err := New(config(t, layer("acme", "_mine.tpl", "{{ define \"other\" }}{{ end }}\n{{ define \"securityContxt\" }}runAsUser: 7{{ end }}")))
	assert.EqualError(t, err, `template acme/_mine.tpl:2: the define "securityContxt" is used by nobody; did you mean "securityContext"?`)
	newSet(t, layer("acme", "_mine.tpl", `{{ define "acme.labels" }}{{ end }}`))
	newSet(t, layer("acme", "_mine.tpl", `{{ define "envs" }}{{ end }}`, "extra.yaml", `{{ include (printf "%s" "envs") . }}`))
	newSet(t, layer("acme", "pod.yaml", goodPod)) // our own defines are used by nobody then
}

func TestListSaysWhereEverythingComesFrom(t *testing.T) {
	set := newSet(t, layer("acme",
		"_mine.tpl", `{{ define "securityContext" }}{{ end }}{{ define "acme" }}{{ end }}`,
		"pvc.yaml", "apiVersion: v1\nkind: PersistentVolumeClaim\n", "policy.yaml", "", "values.yaml", "", "README.md", "# ours", ".git", ""))
	list := set.List()
	for _, want := range []Source{
		{Name: "pod.yaml", Kind: "workload", Layer: "default"},
		{Name: "pvc.yaml", Kind: "claim", Layer: "acme"},
		{Name: "policy.yaml", Kind: "extra", Layer: "acme"},
		{Name: "values.yaml", Kind: "values", Layer: "default"},
		{Name: "values.yaml", Kind: "values", Layer: "acme"},
		{Name: "values.schema.json", Kind: "schema", Layer: "default"},
		{Name: "securityContext", Kind: "define", Layer: "acme", File: "_mine.tpl"},
		{Name: "acme", Kind: "define", Layer: "acme", File: "_mine.tpl"},
		{Name: "podSpec", Kind: "define", Layer: "default", File: "_pod.tpl"},
		{Name: "README.md", Kind: "ignored: documentation", Layer: "acme"},
		{Name: ".git", Kind: "ignored: hidden", Layer: "acme"},
	} {
		assert.Contains(t, list, want)
	}
}

func TestValuesMergeDeeply(t *testing.T) {
	cfg := config(t,
		layer("first", "values.yaml", `
nodeSelector: {disk: ssd, zone: a}
terminationGracePeriodSeconds: 30
env: [{name: A, value: first}, {name: B, value: first}]
tolerations: [{key: one}]
volumeMounts: [{name: x, mountPath: /x}]
volumes: [{name: x, emptyDir: {}}]
`),
		layer("second", "values.yaml", `
nodeSelector: {zone: null, gpu: "yes"}
terminationGracePeriodSeconds: null
env: [{name: B, value: second}, {name: C, value: second}]
tolerations: [{key: two}]
`))
	cfg.Values = map[string]any{"env": []map[string]string{{"name": "C", "value": "config"}}, "nodeSelector": map[string]string{"gpu": "no"}}
	set, err := New(cfg)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"disk": "ssd", "gpu": "no"}, set.values["nodeSelector"])
	assert.NotContains(t, set.values, "terminationGracePeriodSeconds", "null removes a key")
	assert.Equal(t, []any{
		map[string]any{"name": "A", "value": "first"}, map[string]any{"name": "B", "value": "second"}, map[string]any{"name": "C", "value": "config"},
	}, set.values["env"], "a keyed list merges by its key")
	assert.Equal(t, []any{map[string]any{"key": "two"}}, set.values["tolerations"], "a list without a key is replaced")
}

func TestOverrideCanBeTwoLinesOfValues(t *testing.T) {
	set := newSet(t, layer("acme", "values.yaml", "nodeSelector:\n  disk: ssd\n"))
	spec := render(t, set, orchestra.Task{ID: "a", Image: "busybox"}).Workload.Object["spec"].(map[string]any)
	assert.Equal(t, map[string]any{"disk": "ssd"}, spec["nodeSelector"])
}

func TestWrongValuesAreErrors(t *testing.T) {
	for text, want := range map[string][]string{
		"nodeSelectors: {a: b}":                         {`values acme/values.yaml:1: nodeSelectors: unknown key; did you mean "nodeSelector"?`},
		"deadlines:\n  schedulin: 1m":                   {`:2: deadlines.schedulin: unknown key; did you mean "scheduling"?`},
		"topologySpreadConstraints: [{}]":               {`topologySpreadConstraints[0]: missing propert`},
		"gpuCount: 2":                                   {`gpuCount: unknown key; a layer that needs a value of its own describes it in its values.schema.json`},
		"backoffLimit: many":                            {`backoffLimit: got a string, want a whole number`},
		"nodeSelector:\n  a: 1\nsecretEnv: maybe":       {`:2: nodeSelector.a: got a number, want a string`, `:3: secretEnv: got a string, want a boolean`},
		"nodeSelector: [a]\ntolerations: {}":            {`nodeSelector: got a list, want a map`, `tolerations: got a map, want a list`},
		"env:\n- name: A\n- 5\n- {value: x}":            {`:3: env[1]: got a number, want a map`, `:4: env[2]: missing property 'name'`},
		"workload: Deployment":                          {`workload: value must be one of 'Pod', 'Job'`},
		"a: 1\na: 2":                                    {`values acme/values.yaml:2: key "a" already set`},
		"nodeSelector:\n  a: b\n   c: d":                {`values acme/values.yaml:3: mapping values are not allowed in this context`},
		"nodeSelector:\n  a: \"b\nworkload: Job":        {`values acme/values.yaml:2: found unexpected end of stream`},
		"a: b\n1: 2":                                    {`values acme/values.yaml`, `the key 1 is read as a number; quote it`},
		"labels:\n  orchestra.task: x":                  {`:2: labels.orchestra.task: the key "orchestra.task" is the driver's own`},
		"labels: {team: a b, x/y/z: a}":                 {`:1: labels.team: "a b"`, `labels.x/y/z: the key "x/y/z": `},
		"users:\n  builder: 0x10\n  bob: bobby":         {`:2: users.builder: got a number, want a string`, `:3: users.bob: `},
		"resources: {limits: {cpu: lots}}":              {`:1: resources.limits.cpu: "lots" is no quantity, such as 500m or 2Gi`},
		"- a":                                           {`values acme/values.yaml: the document is a list, not a map of fields`},
		"backoffLimit: 1\nnamespace: Big":               {`:2: namespace: "Big" is no name of a Kubernetes namespace`},
		"deadlines: {start: soon}":                      {`:1: deadlines.start: 'soon' does not match`},
		"terminationGracePeriodSeconds: 1\n---\n{a: 1}": {`2 documents; values are one`},
	} {
		_, err := New(config(t, layer("acme", "values.yaml", text)))
		for _, part := range want {
			assert.ErrorContains(t, err, part, text)
		}
	}
}

func TestLayerMayExtendTheSchema(t *testing.T) {
	extended := layer("acme",
		"values.schema.json", `{"properties": {"gpuCount": {"type": "integer", "description": "GPUs of a task."}}}`,
		"values.yaml", "gpuCount: 2\n")
	assert.Equal(t, int64(2), newSet(t, extended).values["gpuCount"])
	_, err := New(config(t, extended, layer("other", "values.yaml", "gpuCount: two\n")))
	assert.ErrorContains(t, err, "values other/values.yaml:1: gpuCount: got a string, want a whole number")
	_, err = New(config(t, layer("acme",
		"values.schema.json", `{"properties": {"gpus": {"type": "array", "items": {"type": "object", "properties": {"model": {}}, "additionalProperties": false}}}}`,
		"values.yaml", "gpus: [{modell: a}]\n")))
	assert.ErrorContains(t, err, `gpus[0].modell: unknown key; did you mean "model"?`)
	_, err = New(config(t, layer("acme", "values.schema.json", "{\n\"properties\": {},\n}")))
	assert.ErrorContains(t, err, "parsing schema acme/values.schema.json:3: ")
	_, err = New(config(t, layer("acme", "values.schema.json", `{"properties": {"x": {"$ref": "file:///etc/passwd"}}}`)))
	assert.ErrorContains(t, err, "self-contained")
}

func TestWhatIsNoTemplateIsRefused(t *testing.T) {
	for name, want := range map[string]string{
		"script.sh":      `unknown kind of file ".sh"`,
		"helpers.tpl":    `call it "_helpers.tpl"`,
		"sub/other.yaml": `is a directory`,
	} {
		_, err := New(config(t, layer("acme", name, "x")))
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, "acme/")
	}
	_, err := New(config(t, layer("acme", "_x.tpl", "hello {{ define \"a\" }}{{ end }}")))
	assert.ErrorContains(t, err, "acme/_x.tpl:1:0: <hello > stands outside of a define")
	_, err = New(config(t, layer("acme", "_x.tpl", `{{ define "a" }}1{{ end }}`, "_y.tpl", `{{ define "a" }}2{{ end }}`)))
	assert.ErrorContains(t, err, `"a" is already defined in acme/_x.tpl`)
	_, err = New(config(t, layer("acme", "big.yaml", strings.Repeat("#", maxTemplateBytes+1))))
	assert.ErrorContains(t, err, "more than the 262144")
}
