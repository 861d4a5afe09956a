package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/driver"
	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

// findingsOf are doctor's, by check.
func findingsOf(t *testing.T, got result) map[string]finding {
	t.Helper()
	var list []finding
	require.NoError(t, json.Unmarshal([]byte(got.out), &list), got.out)
	byCheck := map[string]finding{}
	for _, found := range list {
		byCheck[found.Check] = found
	}
	return byCheck
}

func TestDoctorOnAGoodCluster(t *testing.T) {
	t.Parallel()
	s := newScope(t)
	got := s.program("doctor", "-o", "json")
	assert.Zero(t, got.code, got.out+got.err)
	found := findingsOf(t, got)
	for _, check := range []string{"templates", "connection", "version", "clock", "permissions", "storage class", "Pod Security", "apply"} {
		assert.Equal(t, gradeOK, found[check].Grade, "%s: %s", check, found[check].Found)
	}
	assert.Equal(t, gradeNote, found["log streams"].Grade, "no task has run")
	require.Zero(t, s.program("run", "a", "--image", "busybox", "--", "true").code)
	got = s.program("doctor")
	assert.Zero(t, got.code)
	assert.Regexp(t, `(?m)^\w+ +log streams +stdout and stderr are `, got.out)
}

func TestDoctorSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	got := program(t, "", "doctor", "-o", "json", "--kubeconfig", testcluster.Simulated(t), "--as", "nobody-in-particular", "--as-group", "system:authenticated")
	assert.Equal(t, exitFailure, got.code)
	found := findingsOf(t, got)
	assert.Equal(t, gradeWrong, found["permissions"].Grade)
	for _, missing := range []string{"create pods,", "get pods/log", "list events", "create pods/attach", "patch persistentvolumeclaims"} {
		assert.Contains(t, found["permissions"].Found, missing)
	}
	assert.Contains(t, found["permissions"].Advice, "kubectl orchestra rbac")
	assert.Equal(t, gradeWrong, found["apply"].Grade)

	got = program(t, "", "doctor", "-o", "json", "--kubeconfig", testcluster.Simulated(t), "-n", "no-such-namespace")
	found = findingsOf(t, got)
	assert.Contains(t, found["Pod Security"].Found, `the namespace "no-such-namespace" does not exist`)
}

func TestDoctorWithoutACluster(t *testing.T) {
	got := program(t, "", "doctor", "--kubeconfig", "/nonexistent")
	assert.Equal(t, exitFailure, got.code)
	assert.Contains(t, got.out, "wrong  connection")
	got = program(t, "", "doctor", "--templates", "builtin:nothing")
	assert.Equal(t, exitFailure, got.code)
	assert.Contains(t, got.out, "wrong  templates")
}

func TestDoctorReadsTheServersClock(t *testing.T) {
	var offset time.Duration
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(offset).UTC().Format(http.TimeFormat))
	}))
	t.Cleanup(server.Close)
	p := &patient{clock: &clock{}}
	client := &http.Client{Transport: p.clock.watch(server.Client().Transport)}
	assert.Equal(t, gradeNote, checkClock(t.Context(), p).Grade)
	for _, c := range []struct {
		offset time.Duration
		want   grade
	}{{0, gradeOK}, {time.Hour, gradeWrong}, {-time.Hour, gradeWrong}} {
		offset = c.offset
		answer, err := client.Get(server.URL)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		assert.Equal(t, c.want, checkClock(t.Context(), p).Grade, c.offset)
	}
}

func TestRbacPrintsWhatTheDriverListsForItsFeatures(t *testing.T) {
	withoutCluster(t)
	got := program(t, "", "rbac", "volumes", "-n", "ci", "--service-account", "runner")
	require.Zero(t, got.code, got.err)
	first, second, found := strings.Cut(got.out, "---\n")
	require.True(t, found)
	var role rbacv1.Role
	require.NoError(t, yaml.UnmarshalStrict([]byte(first), &role))
	assert.Equal(t, "Role", role.Kind)
	assert.Equal(t, "ci", role.Namespace)
	wanted := map[string]bool{driver.FeatureTasks: true, driver.FeatureEvents: true, driver.FeatureVolumes: true}
	var features []driver.Feature
	for _, feature := range driver.Features() {
		if wanted[feature.Name] {
			features = append(features, feature)
		}
	}
	assert.Equal(t, driver.Rules(features...), role.Rules)
	var binding rbacv1.RoleBinding
	require.NoError(t, yaml.UnmarshalStrict([]byte(second), &binding))
	assert.Equal(t, []rbacv1.Subject{{Kind: "ServiceAccount", Name: "runner", Namespace: "ci"}}, binding.Subjects)
	assert.Equal(t, "orchestra", binding.RoleRef.Name)

	got = program(t, "", "rbac", "--templates", "builtin:dedicated-namespace", "--templates", "builtin:job", "--service-account", "ci:runner")
	require.Zero(t, got.code, got.err)
	for _, want := range []string{"kind: ClusterRole\n", "kind: ClusterRoleBinding\n", "- namespaces\n", "- jobs\n", "- pods/exec\n", "namespace: ci\n"} {
		assert.Contains(t, got.out, want)
	}
	got = program(t, "", "rbac", "everything")
	assert.Equal(t, exitUsage, got.code)
}
