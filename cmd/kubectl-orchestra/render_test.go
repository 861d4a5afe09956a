package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func TestRenderNeedsNoCluster(t *testing.T) {
	withoutCluster(t)
	got := program(t, "", "render", "a", "--image", "busybox", "-v", "cache:cache:3", "-e", "A=$(B)", "--", "echo", "a: b")
	require.Zero(t, got.code, got.err)
	claim, pod, found := strings.Cut(got.out, "---\n")
	require.True(t, found)
	assert.Contains(t, claim, "storage: 3Gi")
	var object corev1.Pod
	require.NoError(t, yaml.UnmarshalStrict([]byte(pod), &object))
	assert.Equal(t, []string{"echo", "a: b"}, object.Spec.Containers[0].Command)
	assert.Equal(t, "$$(B)", object.Spec.Containers[0].Env[0].Value)
	assert.Regexp(t, `^persistentvolumeclaim/default-cache-\w+\npod/default-a-\w+\n$`, program(t, "", "render", "a", "--image", "busybox", "-v", "cache:cache", "-o", "name").out)
	assert.Contains(t, program(t, "", "render", "a", "--image", "busybox", "-o", "json").out, `"kind": "List"`)
}

func TestRenderExplains(t *testing.T) {
	withoutCluster(t)
	got := program(t, "", "render", "a", "--image", "busybox", "--templates", "builtin:restricted", "--explain")
	require.Zero(t, got.code, got.err)
	assert.Regexp(t, `(?m)^kind: Pod +# default/pod.yaml:\d+$`, got.out)
	assert.Regexp(t, `(?m)^ +orchestra.task: a +# driver$`, got.out)
	assert.NotContains(t, got.out, "\x1b")
}

func TestRenderDiffers(t *testing.T) {
	withoutCluster(t)
	got := program(t, "", "render", "a", "--image", "busybox", "--templates", "builtin:restricted", "--diff", "default")
	assert.Equal(t, exitFailure, got.code, got.err)
	assert.Contains(t, got.out, "\n+    runAsNonRoot: true\n")
	got = program(t, "", "render", "a", "--image", "busybox", "--diff", "default")
	assert.Zero(t, got.code)
	assert.Empty(t, got.out)
	assert.Contains(t, got.err, "nothing differs")
	got = program(t, "", "render", "a", "--image", "busybox", "--diff", "default", "--explain")
	assert.Equal(t, exitFailure, got.code)
	assert.Contains(t, got.err, "explain")
}

func TestRenderDiffersFromALiveTask(t *testing.T) {
	t.Parallel()
	s := newScope(t)
	spec := []string{"a", "--image", "busybox", "-v", "data:data", "--cpu", "1", "--memory", "64Mi", "-e", "A=b"}
	command := []string{"--", "true"}
	got := s.program(append(append([]string{"run"}, spec...), command...)...)
	require.Zero(t, got.code, got.err)
	got = s.program(append(append(append([]string{"render"}, spec...), "--diff", "live"), command...)...)
	assert.Zero(t, got.code, "defaults and status are no differences:\n%s%s", got.out, got.err)
	got = s.program(append(append(append([]string{"render"}, spec...), "--diff", "live", "-e", "A=other", "--memory", "32Mi"), command...)...)
	assert.Equal(t, exitFailure, got.code)
	assert.Contains(t, got.out, "\n-      value: b\n+      value: other\n")
	assert.Contains(t, got.out, "\n+        memory: \"33554432\"\n")
	got = s.program("render", "nobody", "--image", "busybox", "--diff", "live")
	assert.Equal(t, exitFailure, got.code)
	assert.Contains(t, got.err, `finding task "nobody": container not found`)
}
