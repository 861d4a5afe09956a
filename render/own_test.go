package render

import (
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

const goodPod = `apiVersion: v1
kind: Pod
spec:
  restartPolicy: Never
  containers:
  - name: task
    image: {{ toJson .Task.Image }}
    {{- if .Task.Stdin }}
    stdin: true
    stdinOnce: true
    {{- end }}
    volumeMounts:
    {{- range .Task.Mounts }}
    - {name: {{ .Name }}, mountPath: {{ toJson .Path }}}
    {{- end }}
  volumes:
  {{- range .Task.Mounts }}
  - {name: {{ .Name }}, persistentVolumeClaim: {claimName: {{ .ClaimName }}}}
  {{- end }}
`

func TestSmallTemplateIsEnough(t *testing.T) {
	rendered := render(t, newSet(t, layer("acme", "pod.yaml", goodPod)), fullTask())
	assert.Equal(t, "ci", rendered.Workload.GetLabels()[KeyNamespace], "labels come from the driver")
	assert.Equal(t, "Build #7", rendered.Workload.GetAnnotations()[KeyTask])
	assert.Equal(t, rendered.Digest, rendered.Workload.GetAnnotations()[AnnotationDigest])
}

func TestBrokenTemplatesAreRefusedWhenLoaded(t *testing.T) {
	swap := func(old, new string) string {
		require.Contains(t, goodPod, old)
		return strings.Replace(goodPod, old, new, 1)
	}
	for name, broken := range map[string]struct{ pod, want string }{
		"restarts":             {swap("restartPolicy: Never", "restartPolicy: Always"), `acme/pod.yaml:4: spec.restartPolicy: is "Always"; write restartPolicy: Never`},
		"restarts by default":  {swap("  restartPolicy: Never\n", ""), `acme/pod.yaml:3: spec.restartPolicy: is "<nil>"; write restartPolicy: Never`},
		"no task container":    {swap("name: task", "name: main"), `acme/pod.yaml:5: spec.containers: has no container named "task"`},
		"wrong kind":           {swap("kind: Pod", "kind: Deployment"), `acme/pod.yaml:2: kind: is v1 Deployment; pod.yaml renders a v1 Pod or a batch/v1 Job`},
		"no kind":              {swap("kind: Pod\n", ""), `acme/pod.yaml:1: kind: is missing`},
		"second workload":      {goodPod + "---\napiVersion: v1\nkind: Pod\n", `acme/pod.yaml:21: is a second document; pod.yaml makes one object`},
		"nothing":              {"# nothing", `template acme/pod.yaml: renders to nothing`},
		"other namespace":      {swap("kind: Pod\n", "kind: Pod\nmetadata: {namespace: other}\n"), `acme/pod.yaml:3: metadata.namespace: is "other", but the driver's namespace for it is "default"; remove it or write {{ .Namespace }}`},
		"other name":           {swap("kind: Pod\n", "kind: Pod\nmetadata:\n  name: mine\n"), `acme/pod.yaml:4: metadata.name: is "mine"`},
		"owner":                {swap("kind: Pod\n", "kind: Pod\nmetadata:\n  ownerReferences: []\n"), `acme/pod.yaml:4: metadata.ownerReferences: a template cannot set it`},
		"finalizers":           {swap("kind: Pod\n", "kind: Pod\nmetadata:\n  finalizers: [x/y]\n"), `acme/pod.yaml:4: metadata.finalizers: a template cannot set it`},
		"label of the driver":  {swap("kind: Pod\n", "kind: Pod\nmetadata:\n  labels:\n    orchestra.namespace: other\n"), `acme/pod.yaml:5: metadata.labels.orchestra.namespace: is "other", but the driver sets it to "ci"; remove it`},
		"label of a number":    {swap("kind: Pod\n", "kind: Pod\nmetadata:\n  labels:\n    version: 1\n"), `acme/pod.yaml:5: metadata.labels.version: is a number, not a string; quote it`},
		"status":               {goodPod + "status: {phase: Succeeded}\n", `status: a template cannot set it`},
		"drops stdin":          {swap("    stdin: true\n", "    stdin: false\n"), `Task.Stdin is set, but the template drops it`},
		"stdin for all":        {swap("{{- if .Task.Stdin }}", "{{- if true }}"), `spec.containers[0].stdin: is true for a task without stdin`},
		"drops mounts":         {swap("- {name: {{ .Name }}, mountPath: {{ toJson .Path }}}", ""), `spec.containers[0].volumeMounts: the template drops Task.Mounts[0] (claim`},
		"mounts elsewhere":     {swap("{{ toJson .Path }}", "{{ printf \"/x%s\" .Path | toJson }}"), `spec.containers[0].volumeMounts: the template drops Task.Mounts[0] (claim`},
		"duplicate env":        {swap("    volumeMounts:", "    env: [{name: A}, {name: A}]\n    volumeMounts:"), `acme/pod.yaml:12: spec.containers[0].env[1].name: "A" is in the list twice`},
		"duplicate port":       {swap("    volumeMounts:", "    ports: [{containerPort: 80}, {containerPort: 80, protocol: TCP}]\n    volumeMounts:"), `"80/TCP" is in the list twice`},
		"duplicate volume":     {swap("  volumes:\n", "  volumes:\n  - {name: x, emptyDir: {}}\n  - {name: x, emptyDir: {}}\n"), `spec.volumes[1].name: "x" is in the list twice`},
		"duplicate mount path": {swap("    volumeMounts:\n", "    volumeMounts:\n    - {name: x, mountPath: /x}\n    - {name: y, mountPath: /x}\n"), `volumeMounts[1].mountPath: "/x" is in the list twice`},
		"container restarts":   {swap("name: task\n", "name: task\n    restartPolicy: OnFailure\n"), `acme/pod.yaml:7: spec.containers[0].restartPolicy: a container that restarts would run its task again; remove it`},
		"restart rules":        {swap("name: task\n", "name: task\n    restartPolicyRules: []\n"), `acme/pod.yaml:7: spec.containers[0].restartPolicyRules: a container that restarts`},
		"same port":            {swap("name: task\n", "name: task\n    ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}, {containerPort: 80, protocol: TCP}]\n"), `acme/pod.yaml:7: spec.containers[0].ports[2].containerPort: "80/TCP" is in the list twice, as item 0 too`},
		"duplicate in init":    {swap("  containers:\n", "  initContainers: [{name: a, env: [{name: X}, {name: X}]}]\n  containers:\n"), `acme/pod.yaml:5: spec.initContainers[0].env[1].name: "X" is in the list twice`},
		"duplicate in sidecar": {swap("  containers:\n", "  containers:\n  - {name: a, volumeMounts: [{mountPath: /x}, {mountPath: /x}]}\n"), `acme/pod.yaml:6: spec.containers[0].volumeMounts[1].mountPath: "/x" is in the list twice`},
		"duplicate spread":     {swap("  containers:\n", "  topologySpreadConstraints: [{topologyKey: a, whenUnsatisfiable: b}, {topologyKey: a, whenUnsatisfiable: b}]\n  containers:\n"), `spec.topologySpreadConstraints[1].topologyKey: "a/b" is in the list twice`},
		"duplicate container":  {swap("  containers:\n", "  initContainers: [{name: task}]\n  containers:\n"), `"task" is the name of initContainers[0] too`},
		"duplicate key":        {swap("kind: Pod\n", "kind: Pod\nkind: Pod\n"), `acme/pod.yaml:3: parsing the rendered YAML`},
		"broken YAML":          {swap("  containers:\n", "  containers: [\n"), `rendered:`},
		"unknown field":        {swap(".Task.Image", ".Task.Picture"), `template: acme/pod.yaml:7:26: executing "pod.yaml" at <.Task.Picture>: can't evaluate field Picture in type *render.TaskData; there are Command, Dir, Env`},
		"misspelt field":       {swap(".Task.Image", ".Task.Iamge"), `can't evaluate field Iamge in type *render.TaskData; did you mean "Image"?`},
		"misspelt in a range":  {swap("{{ .Name }}", "{{ .Naem }}"), `can't evaluate field Naem in type render.MountData; did you mean "Name"?`},
		"misspelt function":    {swap("toJson", "toJsn"), `acme/pod.yaml:7: function "toJsn" not defined; did you mean "toJson"?`},
		"misspelt include":     {swap("toJson .Task.Image", `include "secuirtyContext" .`), `no template "secuirtyContext" associated with template ""; did you mean "securityContext"?`},
		"no end":               {strings.TrimSuffix(goodPod, "{{- end }}\n"), `acme/pod.yaml:19: unexpected EOF; an {{ if }}, {{ range }}, {{ with }} or {{ define }} above has no {{ end }}`},
		"missing value":        {swap("toJson .Task.Image", ".Values.picture"), `map has no entry for key "picture"; read a value that may be missing with index .Values "picture"`},
		"syntax":               {swap("{{- end }}", "{{- ende }}"), `template: acme/pod.yaml:11: function "ende" not defined`},
		"unknown include":      {swap("toJson .Task.Image", `include "nothing" .`), `no template "nothing"`},
		"float":                {swap("kind: Pod\n", "kind: Pod\nx: .nan\n"), `x: NaN is no number that JSON can hold`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(config(t, layer("acme", "pod.yaml", broken.pod)))
			assert.ErrorContains(t, err, broken.want)
		})
	}
}

func TestBrokenExtrasAndClaimsAreRefused(t *testing.T) {
	for name, broken := range map[string]struct{ file, text, want string }{
		"workload as extra":  {"more.yaml", "apiVersion: apps/v1\nkind: Deployment\n", `acme/more.yaml:2: kind: is Deployment; a task has one workload`},
		"pod as extra":       {"more.yaml", "apiVersion: v1\nkind: Pod\n", `kind: is Pod; a task has one workload`},
		"namespace as extra": {"more.yaml", "apiVersion: v1\nkind: Namespace\n", `the namespace belongs into namespace.yaml`},
		"two extras":         {"more.yaml", "apiVersion: v1\nkind: Secret\n---\napiVersion: v1\nkind: Secret\n", `acme/more.yaml:4: is a second document`},
		"name of an extra":   {"more.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: shared}\n", `acme/more.yaml:3: metadata.name: is "shared"`},
		"claim of a pod":     {"pvc.yaml", "apiVersion: v1\nkind: Pod\n", `acme/pvc.yaml:2: kind: is v1/Pod; pvc.yaml makes a v1 PersistentVolumeClaim`},
		"namespace later":    {"namespace.yaml", "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: a}\n", `the first document is the Namespace`},
		"nameless beside":    {"namespace.yaml", "apiVersion: v1\nkind: Namespace\n---\napiVersion: v1\nkind: ResourceQuota\n", `acme/namespace.yaml:4: metadata.name`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(config(t, layer("acme", broken.file, broken.text)))
			assert.ErrorContains(t, err, broken.want)
		})
	}
}

func TestMistakeOfEverySampleIsToldOnce(t *testing.T) {
	_, err := New(config(t, layer("acme", "pod.yaml", strings.Replace(goodPod, ".Task.Image", ".Task.Picture", 1))))
	require.ErrorContains(t, err, "can't evaluate field Picture")
	assert.Equal(t, 1, strings.Count(err.Error(), "Picture in type"))
}

// One look at a broken set of templates is enough to mend it: each mistake of each file is told, once, wherever it is met.
func TestAllMistakesAreToldAtOnce(t *testing.T) {
	pod := `apiVersion: v1
kind: Pod
metadata:
  namespace: other
  finalizers: [x/y]
  labels:
    version: 1
    orchestra.task: mine
spec:
  restartPolicy: Always
  containers:
  - name: task
    restartPolicy: Always
    image: busybox
    env: [{name: A}, {name: A}]
    ports: 80
  volumes:
  - {name: x, emptyDir: {}}
  - {name: x, emptyDir: {}}
status: {}
`
	_, err := New(config(t, layer("acme", "pod.yaml", pod,
		"tls.yaml", "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: a}\n", "pvc.yaml", "apiVersion: v1\nkind: PersistentVolume\nstatus: {}\n",
		"broken.yaml", "apiVersion: v1\nkind: ConfigMap\ndata: {{ .Task.Images }}\n", "namespace.yaml", "apiVersion: v1\nkind: Pod\n")))
	require.Error(t, err)
	wants := []string{
		"acme/pod.yaml:4: metadata.namespace: is", "acme/pod.yaml:5: metadata.finalizers: a template cannot set it", "acme/pod.yaml:7: metadata.labels.version: is a number",
		"acme/pod.yaml:8: metadata.labels.orchestra.task: is", `acme/pod.yaml:10: spec.restartPolicy: is "Always"`, "acme/pod.yaml:13: spec.containers[0].restartPolicy:",
		`acme/pod.yaml:15: spec.containers[0].env[1].name: "A" is in the list twice`, "acme/pod.yaml:16: spec.containers[0].ports: is a number, not a list",
		`acme/pod.yaml:19: spec.volumes[1].name: "x" is in the list twice`, "acme/pod.yaml:20: status: a template cannot set it",
		"acme/pod.yaml:12: spec.containers[0]: Task.Stdin is set", "acme/pod.yaml:12: spec.containers[0].volumeMounts: the template drops Task.Mounts[0]",
		"acme/tls.yaml:1: kind: is Deployment", "acme/tls.yaml:3: metadata.name: is", "acme/pvc.yaml:2: kind: is v1/PersistentVolume", "acme/pvc.yaml:3: status:",
		"acme/broken.yaml:3:14: executing", "acme/namespace.yaml:2: kind: is Pod",
	}
	for _, want := range wants {
		assert.ErrorContains(t, err, want)
	}
	var wrong *TemplateError
	require.ErrorAs(t, err, &wrong, "the chain is kept")
	assert.Equal(t, "acme/pod.yaml", wrong.Position.File)
	assert.ErrorAs(t, err, &template.ExecError{})
	assert.Equal(t, len(wants), strings.Count(err.Error(), "acme/")-1, "each is told once, an exec error's file twice:\n%v", err)
}

// A template may decide by the task; what it drops only for some is found when such a task comes.
func TestDroppedMountFailsForThatTask(t *testing.T) {
	pod := strings.Replace(goodPod, "{{- range .Task.Mounts }}\n    - ", "{{- range .Task.Mounts }}{{ if ne .Path (printf \"%s/secret\" $.Task.Dir) }}\n    - ", 1)
	pod = strings.Replace(pod, "{{ toJson .Path }}}\n    {{- end }}", "{{ toJson .Path }}}\n    {{- end }}{{ end }}", 1)
	set := newSet(t, layer("acme", "pod.yaml", pod))
	_, err := set.Task(orchestra.Task{ID: "a", Image: "busybox", Mounts: orchestra.Mounts{{Name: "x", Path: "x"}, {Name: "y", Path: "secret"}}}, RoleTask)
	assert.ErrorContains(t, err, `rendering task "a": template acme/pod.yaml:`)
	assert.ErrorContains(t, err, `the template drops Task.Mounts[1] (claim "`+set.ClaimName("y")+`" at`)
}

func TestSidecarsAndInitContainersAreFine(t *testing.T) {
	cfg := config(t)
	cfg.Values = map[string]any{
		"initContainers": []any{map[string]any{"name": "fetch", "image": "busybox"}},
		"sidecars":       []any{map[string]any{"name": "proxy", "image": "busybox"}},
	}
	set, err := New(cfg)
	require.NoError(t, err)
	spec := render(t, set, orchestra.Task{ID: "a", Image: "busybox"}).Workload.Object["spec"].(map[string]any)
	assert.Equal(t, []any{
		map[string]any{"name": "fetch", "image": "busybox", "terminationMessagePolicy": "FallbackToLogsOnError"},
		map[string]any{"name": "proxy", "image": "busybox", "terminationMessagePolicy": "FallbackToLogsOnError", "restartPolicy": "Always"},
	}, spec["initContainers"])
}

func TestUnrulyTemplatesEndInAnError(t *testing.T) {
	doubling := `{{ $x := "ab" }}{{ range until 64 }}{{ $x = %s }}{{ end }}{{ $x | toJson | len }}`
	for name, unruly := range map[string]struct{ text, want string }{
		"endless range":         {`{{ range 100000000000 }}{{ end }}`, `:1:9: executing "extra.yaml" at <range 100000000000>: the template does not come to an end`},
		"endless range inside":  {"\n{{ range until 9999 }}\n{{ range $i, $x := until 9999 }}{{ end }}{{ end }}", `:3:9: executing "extra.yaml" at <range $i, $x := until 9999>: the template does not come`},
		"endless range outside": {"{{ range 100000000000 }}{{ range until 3 }}{{ end }}{{ end }}", `:1:9: executing "extra.yaml" at <range 100000000000>: the template does not`},
		"endless include":       {`{{ define "a" }}x{{ end }}{{ range 100000000000 }}{{ include "a" . }}{{ end }}`, `at <range 100000000000>: the template does not`},
		"long range":            {`{{ range until 1000000000 }}{{ end }}`, `at <until 1000000000>`},
		"steps that overflow":   {`{{ range untilStep -9223372036854775807 9223372036854775807 1 }}{{ end }}`, `at <untilStep`},
		"steps of nothing":      {`{{ range untilStep 0 10 0 }}{{ end }}`, `at <untilStep 0 10 0>`},
		"repeat":                {`{{ repeat 1000000000 "abc" }}`, `:1:3: executing "extra.yaml" at <repeat 1000000000 "abc">`},
		"indent":                {`{{ indent 1000000000 "abc" }}`, `at <indent 1000000000 "abc">`},
		"nindent":               {`{{ nindent 1000000000 "abc" }}`, `at <nindent 1000000000 "abc">`},
		"width":                 {`{{ printf "%1000000000d" 1 }}`, `:1:3`},
		"width by argument":     {`{{ printf "%*d" 1000000000 1 }}`, `:1:3`},
		"recursion":             {`{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}`, `more than 100 includes inside each other`},
		"template recursion":    {`{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}`, `:1:28: executing "a" at <template "a" .>: the template does not come to an end`},
		"tree of templates":     {`{{ define "a" }}{{ if gt . 0 }}{{ template "a" (sub . 1) }}{{ template "a" (sub . 1) }}{{ end }}{{ end }}{{ template "a" 60 }}`, `executing "a" at <template "a" (sub . 1)>: the template does not come to an end`},
		"output":                {`{{ range until 9999 }}{{ repeat 100000 "abc" }}{{ end }}`, `at <range until 9999>: a result of`},
		"doubled by printf":     {strings.Replace(doubling, "%s", `printf "%s%s" $x $x`, 1), `at <printf`},
		"doubled by cat":        {strings.Replace(doubling, "%s", `cat $x $x`, 1), `at <cat $x $x>`},
		"doubled by list":       {strings.Replace(doubling, "%s", `list $x $x`, 1), `at <list $x $x>`},
		"doubled by dict":       {strings.Replace(doubling, "%s", `dict "a" $x "b" $x`, 1), `at <dict`},
		"doubled by concat":     {strings.Replace(doubling, "%s", `concat (list $x) (list $x)`, 1), `at <concat`},
		"doubled by quote":      {strings.Replace(doubling, "%s", `printf "%s\\" $x | quote`, 1), `at <quote>`},
		"doubled by replace":    {strings.Replace(doubling, "%s", `replace "a" "aab" $x`, 1), `at <replace`},
		"replaced by a lot":     {`{{ regexReplaceAll "a" (repeat 3000 "a") (repeat 9999 "b") }}`, `at <regexReplaceAll`},
		"doubled by join":       {strings.Replace(doubling, "%s", `join $x (list "a" "b" "c")`, 1), `at <join`},
		"aliases":               {"a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e, *e, *e, *e]\n", "excessive aliasing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(config(t, layer("acme", "extra.yaml", unruly.text)))
			assert.ErrorContains(t, err, "acme/extra.yaml")
			assert.ErrorContains(t, err, unruly.want)
		})
	}
}
