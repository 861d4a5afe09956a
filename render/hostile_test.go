package render

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// hostile strings are what YAML, templates or Kubernetes could read as more than text. Those that orchestra.Task.Validate
// refuses (NUL, invalid UTF-8) are in it too: render must not rely on its callers for that.
var hostile = []string{
	"", " ", "  ", "\n", "\n\n", "a\nb", "a\n", "\na", "a\n  b: c", "---", "\n---\n", "a\n---\nkind: Pod", "...", "-", "- a", "-a", "a: b", "a:", ": ", ":a", "a:b",
	"# c", "a #b", "a# b", "{{ .Task.ID }}", "{{", "}}", "{", "}", "[", "]", "[a]", "{a: b}", "&a", "*a", "&a *a", "!a", "!!int 3", "!!binary aGk=", "|", ">", "|-\n  a", "%YAML 1.1",
	"@a", "`a`", "'", "''", "a'b", "\"", "a\"b", "\\", "\\n", "\\x41", "a\\", "\"\\", "\t", "a\tb", "a\r\nb", "\r", "a\rb",
	"on", "off", "yes", "no", "y", "n", "Y", "N", "true", "False", "TRUE", "null", "Null", "~", "NaN", ".nan", ".inf", "-.inf", "<<", "=",
	"0", "1", "007", "0123", "0o17", "0x1F", "0b11", "1e3", "1E3", "1.5", ".5", "1_000", "+1", "-1", "12:30", "12:30:45", "190:20:30", "2001-01-01", "2001-12-14t21:59:43.10-05:00",
	"9223372036854775808", "123456789012345678901234567890", "o", "e3", "tr", "ue",
	"$HOME", "$(HOME)", "$$", "$$(HOME)", "${X}", "é", "日本語", "😀", "a\u0085b", "a\u2028b", "a\u2029b", "\ufeff", "\ufeffa", "a\u00a0", "\u200a7\u200a",
	"\U000f0020", "\U00100020", "a\x00b", "\x01", "\x7f", "\x1b[31m", "\xff", "a\xed\xa0\x80b", "\ue000", "\ufffd", "\uffff", "\ud7ff", "\u4e00", "\u4e01a",
}

// hostileFields puts a string into each field of a task that is free text.
var hostileFields = map[string]func(task *orchestra.Task, text string){
	"ID":         func(task *orchestra.Task, text string) { task.ID = text },
	"Image":      func(task *orchestra.Task, text string) { task.Image = text },
	"Command":    func(task *orchestra.Task, text string) { task.Command = []string{"echo", text} },
	"Env":        func(task *orchestra.Task, text string) { task.Env = map[string]string{"X": text} },
	"Env name":   func(task *orchestra.Task, text string) { task.Env = map[string]string{text: "x"} },
	"WorkDir":    func(task *orchestra.Task, text string) { task.WorkDir = "/" + text },
	"Mount.Name": func(task *orchestra.Task, text string) { task.Mounts = orchestra.Mounts{{Name: text, Path: "data"}} },
	"Mount.Path": func(task *orchestra.Task, text string) {
		task.Mounts = orchestra.Mounts{{Name: "data", Path: "x" + text}}
	},
	"two strings": func(task *orchestra.Task, text string) { task.Command = []string{text, text} },
}

// style is one way in which an author forgot to quote: a template around the expression EXPR, and what should arrive.
type style struct {
	text string
	want func(text string) any
}

func same(text string) any { return text }

var careless = map[string]style{
	"bare":          {`{{ EXPR }}`, same},
	"single quotes": {`'{{ EXPR }}'`, same},
	"double quotes": {`"{{ EXPR }}"`, same},
	"literal block": {"|-\n      {{ EXPR }}", same},
	"indented":      {"|-\n{{ EXPR | indent 6 }}", same},
	"folded block":  {">-\n      {{ EXPR }}", same},
	"flow list":     {`[{{ EXPR }}]`, func(text string) any { return []any{text} }},
	"key":           {`{ {{ EXPR }}: x }`, func(text string) any { return map[string]any{text: "x"} }},
	"quote":         {`{{ EXPR | quote }}`, same},
	"squote":        {`{{ EXPR | squote }}`, same},
	"upper":         {`{{ EXPR | upper }}`, func(text string) any { return strings.ToUpper(text) }},
	"trim":          {`{{ EXPR | trim }}`, func(text string) any { return strings.TrimSpace(text) }},
	"trim, careful": {`{{ EXPR | trim | toJson }}`, func(text string) any { return strings.TrimSpace(text) }},
	"trunc":         {`{{ EXPR | trunc 5 | quote }}`, func(text string) any { return text[:min(5, len(text))] }},
	"replace":       {`{{ EXPR | replace "a" "b" }}`, func(text string) any { return strings.ReplaceAll(text, "a", "b") }},
	"toYaml":        {`{{ EXPR | toYaml | nindent 6 }}`, same},
	"joined":        {`{{ EXPR }}{{ EXPR }}`, func(text string) any { return text + text }},
	"prefixed":      {`1{{ EXPR }}`, func(text string) any { return "1" + text }},
	"comment":       {`x # {{ EXPR }}`, func(string) any { return "x" }},
	"condition":     {`{{ if eq EXPR "on" "0123" "a: b" }}yes sir{{ else }}no sir{{ end }}`, condition},
	"default":       {`{{ EXPR | default "none" | quote }}`, byDefault},
	"or":            {`{{ or EXPR "none" }}`, byDefault},
	"careful":       {`{{ EXPR | toJson }}`, same},
	"b64":           {`{{ EXPR | b64enc | quote }}`, func(text string) any { return base64.StdEncoding.EncodeToString([]byte(text)) }},
}

func byDefault(text string) any {
	if text == "" {
		return "none"
	}
	return text
}

func condition(text string) any {
	if text == "on" || text == "0123" || text == "a: b" {
		return "yes sir"
	}
	return "no sir"
}

// carelessLayer is an extra object with every string of a task in one style, in a map that any string may be in.
func (s style) layer() Layer {
	var text strings.Builder
	text.WriteString("apiVersion: v1\nkind: ConfigMap\ndata:\n  before: x\n")
	add := func(name, expression string) {
		text.WriteString("  " + name + ": " + strings.ReplaceAll(s.text, "EXPR", expression) + "\n")
	}
	add("id", ".Task.ID")
	add("image", ".Task.Image")
	add("dir", ".Task.WorkDir")
	text.WriteString("{{- range $i, $c := .Task.Command }}\n")
	add("command{{ $i }}", "$c")
	text.WriteString("{{- end }}\n{{- range $i, $e := .Task.Env }}\n")
	add("env{{ $i }}", "$e.Literal")
	add("name{{ $i }}", "$e.Name")
	text.WriteString("{{- end }}\n{{- range $i, $m := .Task.Mounts }}\n")
	add("path{{ $i }}", "$m.Path")
	text.WriteString("{{- end }}\n  after: x\n")
	return layer("careless", "careless.yaml", text.String())
}

// want is what the extra object must hold.
func (s style) wanted(data *TaskData) map[string]any {
	want := map[string]any{"before": "x", "after": "x", "id": s.want(data.ID), "image": s.want(data.Image), "dir": s.want(data.WorkDir)}
	for i, text := range data.Command {
		want[fmt.Sprintf("command%d", i)] = s.want(text)
	}
	for i, env := range data.Env {
		want[fmt.Sprintf("env%d", i)] = s.want(env.Literal)
		want[fmt.Sprintf("name%d", i)] = s.want(env.Name)
	}
	for i, mount := range data.Mounts {
		want[fmt.Sprintf("path%d", i)] = s.want(mount.Path)
	}
	return want
}

// loaded is a Set that was not exercised: careless templates fail already for the sample tasks.
func loaded(t testing.TB, layers ...Layer) *Set {
	t.Helper()
	set := &Set{namespace: "ci"}
	require.NoError(t, set.load(config(t, layers...)))
	require.NoError(t, set.readValues())
	require.NoError(t, set.chooseNamespace(""))
	return set
}

// checkCareless renders the task's extra object: it must arrive exactly, or fail naming file, line and field.
func checkCareless(t testing.TB, set *Set, s style, task orchestra.Task) (arrived bool) {
	t.Helper()
	data, err := set.taskData(task, RoleTask)
	require.NoError(t, err)
	data.Name = "careless"
	documents, err := set.documents("careless.yaml", data)
	checkBound(t, set, data)
	if err != nil {
		assert.ErrorContains(t, err, "careless/careless.yaml")
		var injection *InjectionError
		if errors.As(err, &injection) {
			assert.Contains(t, injection.Field, "Task", "the field is named")
			assert.NotZero(t, injection.Position.Line, "the line is named: %v", err)
		}
		return false
	}
	require.Len(t, documents, 1)
	want := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": s.wanted(data.Task)}
	if !reflect.DeepEqual(want, documents[0].object) {
		assert.Equal(t, want, documents[0].object, "style %q, rendered:\n%s", s.text, documents[0].text())
	}
	return true
}

// checkBound compares a bound rendering, if there is one, with what plain rendering gives and the proof accepts.
func checkBound(t testing.TB, set *Set, data *Data) {
	t.Helper()
	bound, ok := set.bound("careless.yaml", data)
	if !ok {
		return
	}
	proven, err := set.proven("careless.yaml", data)
	if err != nil && strings.Contains(err.Error(), "bytes is more than") {
		return // plainly rendered, a long text is too long in disguise
	}
	require.NoError(t, err)
	if !reflect.DeepEqual(proven, bound) {
		assert.Equal(t, proven, bound)
	}
}

// TestHostileStringsInCarelessTemplates puts every string into every field in two styles at least, and in every style into one field at
// least; with -update into every field in every style, which takes minutes. FuzzInjection tries combinations that nobody thought of.
func TestHostileStringsInCarelessTemplates(t *testing.T) {
	fields, styles := slices.Sorted(maps.Keys(hostileFields)), slices.Sorted(maps.Keys(careless))
	require.GreaterOrEqual(t, len(styles), 2*len(fields))
	for i, name := range styles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := loaded(t, careless[name].layer())
			arrived := 0
			for j, text := range hostile {
				if !utf8.ValidString(text) { // refused before: TestHostileStringsInDefaults
					continue
				}
				for k, field := range fields {
					if (i+j+k)%len(fields) != 0 && !*update {
						continue
					}
					task := orchestra.Task{ID: "a", Image: "busybox", Command: []string{"true"}}
					hostileFields[field](&task, text)
					if checkCareless(t, set, careless[name], task) {
						arrived++
					}
					require.False(t, t.Failed(), "%s = %q", field, text)
				}
			}
			assert.Positive(t, arrived, "a check that refuses everything proves nothing")
		})
	}
}

// TestLongStringsInCarelessTemplates puts a MiB into each field, each time in another style.
func TestLongStringsInCarelessTemplates(t *testing.T) {
	styles := slices.Sorted(maps.Keys(careless))
	for i, field := range slices.Sorted(maps.Keys(hostileFields)) {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			style := careless[styles[2*i]]
			task := orchestra.Task{ID: "a", Image: "busybox", Command: []string{"true"}}
			hostileFields[field](&task, long("a\n: #"))
			checkCareless(t, loaded(t, style.layer()), style, task)
		})
	}
}

// TestHostileStringsInDefaults: the templates that we ship quote everything, so whatever is text arrives.
func TestHostileStringsInDefaults(t *testing.T) {
	for name, layers := range map[string][]Layer{"default": nil, "job": {builtinLayer(t, "builtin/job")}, "secret-env": {builtinLayer(t, "builtin/secret-env")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := newSet(t, layers...)
			for field, put := range hostileFields {
				for _, text := range withLong(hostile, name == "default") {
					task := orchestra.Task{ID: "a", Image: "busybox", Command: []string{"true"}}
					put(&task, text)
					rendered, err := set.Task(task, RoleTask)
					if !utf8.ValidString(text) && field != "Mount.Name" { // of which only the sanitized form is used
						require.ErrorContains(t, err, "not valid UTF-8", "%s = %q", field, text)
						continue
					}
					require.NoError(t, err, "%s = %s", field, brief(text))
					checkDefaults(t, rendered, set, task)
					require.False(t, t.Failed(), "%s = %s", field, brief(text))
				}
			}
		})
	}
}

// withLong adds a hostile string of a MiB.
func withLong(texts []string, add bool) []string {
	if !add {
		return texts
	}
	return append(slices.Clone(texts), long("a\n: #"))
}

// long is a MiB of a text.
func long(text string) string { return strings.Repeat(text, 1<<20/len(text)+1)[:1<<20] }

// checkDefaults compares every string of the task with where it is in the workload.
func checkDefaults(t *testing.T, rendered *Rendered, set *Set, task orchestra.Task) {
	spec := rendered.Workload.Object["spec"].(map[string]any)
	if template, ok := spec["template"].(map[string]any); ok {
		spec = template["spec"].(map[string]any)
	}
	container := spec["containers"].([]any)[0].(map[string]any)
	assert.Equal(t, task.Image, container["image"])
	var command []any
	for _, text := range task.Command {
		command = append(command, strings.ReplaceAll(text, "$", "$$"))
	}
	assert.Equal(t, command, container["command"])
	assert.Equal(t, task.ID, rendered.Workload.GetAnnotations()[KeyTask])
	env, _ := container["env"].([]any)
	require.Len(t, env, len(task.Env))
	for name, value := range task.Env {
		entry := env[0].(map[string]any)
		assert.Equal(t, name, entry["name"])
		if len(rendered.Extras) > 0 {
			secret := rendered.Extras[0].Object["data"].(map[string]any)
			assert.Equal(t, base64.StdEncoding.EncodeToString([]byte(value)), secret["env-0"])
			continue
		}
		assert.Equal(t, strings.ReplaceAll(value, "$", "$$"), entry["value"])
	}
	for _, mount := range task.Mounts {
		volumes := spec["volumes"].([]any)
		claim := volumes[len(volumes)-1].(map[string]any)["persistentVolumeClaim"].(map[string]any)
		assert.Equal(t, set.ClaimName(mount.Name), claim["claimName"])
	}
}

// TestHostileVolumeNames: a volume's name arrives in pvc.yaml too, or the error names it.
func TestHostileVolumeNames(t *testing.T) {
	own := newSet(t)
	bare := newSet(t, layer("acme", "pvc.yaml", "apiVersion: v1\nkind: PersistentVolumeClaim\nspec:\n  raw: {{ .Volume.Name }}\n  size: {{ .Volume.Size }}\n"))
	arrived := 0
	for _, text := range hostile {
		if !utf8.ValidString(text) {
			_, err := own.Volume(text, 0)
			assert.ErrorContains(t, err, "not valid UTF-8")
			continue
		}
		claim, err := own.Volume(text, 0)
		require.NoError(t, err, "%q", text)
		assert.Equal(t, text, claim.GetAnnotations()[KeyVolume])
		if claim, err = bare.Volume(text, 0); err != nil {
			assert.ErrorContains(t, err, "acme/pvc.yaml:4: Volume.Name would not arrive", "%q", text)
			continue
		}
		arrived++
		assert.Equal(t, text, claim.Object["spec"].(map[string]any)["raw"])
	}
	assert.Positive(t, arrived)
}

// TestHostileUsers: a user is strict, so a hostile string is refused, and what is not arrives as the number that it is.
func TestHostileUsers(t *testing.T) {
	set := newSet(t)
	for _, text := range hostile {
		rendered, err := set.Task(orchestra.Task{ID: "a", Image: "busybox", User: text}, RoleTask)
		if err != nil {
			assert.ErrorContains(t, err, "user", "%q", text)
			continue
		}
		context, _ := taskContainer(t, rendered)["securityContext"].(map[string]any)
		if text == "" {
			assert.Empty(t, context)
			continue
		}
		want := map[string]any{}
		for i, number := range strings.Split(text, ":") {
			id, err := strconv.ParseInt(number, 10, 64)
			require.NoError(t, err, "%q", text)
			want[[]string{"runAsUser", "runAsGroup"}[i]] = id
		}
		assert.Equal(t, want, context, "%q", text)
	}
}

func FuzzInjection(f *testing.F) {
	styles := slices.Sorted(maps.Keys(careless))
	sets := map[string]*Set{}
	for _, name := range styles {
		sets[name] = loaded(f, careless[name].layer())
	}
	for i, text := range hostile {
		f.Add(text, hostile[(i+7)%len(hostile)], uint8(i))
	}
	f.Fuzz(func(t *testing.T, first, second string, choice uint8) {
		if !utf8.ValidString(first) || !utf8.ValidString(second) {
			t.SkipNow() // refused before: TestHostileStringsInDefaults
		}
		name := styles[int(choice)%len(styles)]
		task := orchestra.Task{ID: first, Image: second, Command: []string{second, first}, Env: map[string]string{first: second}, WorkDir: first}
		checkCareless(t, sets[name], careless[name], task)
	})
}
