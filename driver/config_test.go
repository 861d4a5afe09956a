package driver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

func TestConfigReportsAllProblems(t *testing.T) {
	_, err := New(t.Context(), Config{RESTConfig: &rest.Config{}, Context: "x", MaxRequests: -1, StartDeadline: -1}, nil)
	for _, field := range []string{"Namespace", "Context", "MaxRequests", "StartDeadline"} {
		assert.ErrorContains(t, err, field)
	}
}

func TestDeadlinesOfConfigBeatValues(t *testing.T) {
	given := map[string]any{"deadlines": map[string]any{"scheduling": "1m", "start": "2m"}, "activeDeadlineSeconds": 9}
	cfg := Config{Namespace: "ns", Values: given, StartDeadline: 90 * time.Second, RunDeadline: 1500 * time.Millisecond,
		ProblemDeadline: time.Second, NodeLostDeadline: 3 * time.Second}
	templates, err := LoadTemplates(cfg)
	require.NoError(t, err)
	settings := templates.Settings()
	assert.Equal(t, time.Minute, settings.SchedulingDeadline)
	assert.Equal(t, 90*time.Second, settings.StartDeadline)
	assert.Equal(t, time.Second, settings.ProblemDeadline)
	assert.Equal(t, 3*time.Second, settings.NodeLostDeadline)
	assert.Equal(t, 2*time.Second, settings.RunDeadline, "rounded up to whole seconds")
	assert.Equal(t, map[string]any{"deadlines": map[string]any{"scheduling": "1m", "start": "2m"}, "activeDeadlineSeconds": 9}, given)
}

func TestTemplateLayers(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ layer, want string }{
		"unknown overlay":   {"builtin:nothing", "builtin:job"},
		"missing directory": {dir + "/missing", dir + "/missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadTemplates(Config{Namespace: "ns", TemplateDirs: []string{dir, c.layer}})
			require.ErrorContains(t, err, c.layer)
			assert.ErrorContains(t, err, c.want)
		})
	}
	templates, err := LoadTemplates(Config{Namespace: "ns", TemplateDirs: []string{dir, "builtin:job"}})
	require.NoError(t, err)
	assert.NotNil(t, templates)
}
