package helmbench

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/templates"
)

// asChart translates what our templates see into what Helm's see: everything lies in .Values there, metadata included.
var asChart = strings.NewReplacer(
	".Task", ".Values.Task", ".Resources", ".Values.Resources", ".Role", ".Values.Role", ".Node", ".Values.Node", "$.Name", "$.Values.Name",
	"kind: Pod\n", "kind: Pod\nmetadata: {{ toJson .Values.metadata }}\n")

// helmChart is the default templates as a chart.
func helmChart(tb testing.TB) *chart.Chart {
	tb.Helper()
	c := &chart.Chart{Metadata: &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "pod", Version: "1.0.0"}}
	for _, name := range []string{"_pod.tpl", "pod.yaml"} {
		text, err := fs.ReadFile(templates.FS, "default/"+name)
		require.NoError(tb, err)
		c.Templates = append(c.Templates, &common.File{Name: "templates/" + name, Data: []byte(asChart.Replace(string(text)))})
	}
	return c
}

// helmValues are the default values, and what our templates are given for the task.
func helmValues(tb testing.TB, pod *unstructured.Unstructured) common.Values {
	tb.Helper()
	text, err := fs.ReadFile(templates.FS, "default/values.yaml")
	require.NoError(tb, err)
	values, err := common.ReadValues(text)
	require.NoError(tb, err)
	dir := "/tmp/" + pod.GetName()
	volume, _, err := unstructured.NestedSlice(pod.Object, "spec", "volumes")
	require.NoError(tb, err)
	mount := volume[1].(map[string]any)
	values["Name"], values["Role"], values["Node"] = pod.GetName(), "task", ""
	values["metadata"] = pod.Object["metadata"]
	values["Task"] = map[string]any{
		"Image": task.Image, "Command": task.Command, "Dir": dir, "WorkDir": dir, "Stdin": false, "Privileged": false, "UID": nil, "GID": nil,
		"Env":      []any{map[string]any{"Name": "CI", "Value": "true"}, map[string]any{"Name": "HOME", "Value": "/root"}},
		"EnvNames": []any{"CI", "HOME"},
		"Mounts": []any{map[string]any{
			"Name": mount["name"], "ClaimName": mount["persistentVolumeClaim"].(map[string]any)["claimName"], "Path": dir + "/cache",
		}},
	}
	values["Resources"] = map[string]any{
		"Limits": map[string]any{"cpu": "500m", "memory": "268435456"}, "Requests": map[string]any{"cpu": "250m", "memory": "134217728"},
	}
	return common.Values{"Values": plain(tb, values)}
}

// plain makes the maps and lists of what a values file would hold.
func plain(tb testing.TB, values common.Values) map[string]any {
	tb.Helper()
	raw, err := json.Marshal(values)
	require.NoError(tb, err)
	var plain map[string]any
	require.NoError(tb, json.Unmarshal(raw, &plain))
	return plain
}
