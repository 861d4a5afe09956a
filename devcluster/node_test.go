package main

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/build"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/cgroup"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/hostpath"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/kube"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/layout"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/mounts"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/preflight"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/process"
)

// TestRealNode is the life of a cluster with a real node. CI demands it; other
// machines may be unable to run one.
func TestRealNode(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a cluster")
	}
	if err := preflight.Look().Check(); err != nil {
		require.Empty(t, os.Getenv("CI"), "CI must run it: %v", err)
		t.Skip(err)
	}
	u := newUser(t, build.Etcd, build.APIServer, build.ControllerManager, build.Scheduler, build.Kubelet, build.Containerd)
	u.succeed("check-node")
	_, said, code := u.run("up")
	require.Zero(t, code, said)
	u.succeed("status")
	t.Run("pods", func(t *testing.T) { podsRun(t, u.in(t), said) })
	t.Run("split streams", func(t *testing.T) { gatesReachServerAndKubelet(t, u.in(t)) })
	t.Run("killed cluster", func(t *testing.T) { upCleansAKilledNode(t, u.in(t)) })
	t.Run("down", func(t *testing.T) { downLeavesNothingOfANode(t, u.in(t)) })
}

// createAll creates the objects of testdata/node.yaml, the secret first.
func createAll(t *testing.T, u *user) {
	t.Helper()
	content, err := os.ReadFile("testdata/node.yaml")
	require.NoError(t, err)
	info := u.info()
	objects := strings.NewReplacer(
		"PRIVATE_IMAGE", info.PrivateImage, "PRIVATE_REGISTRY", info.PrivateRegistry,
		"PRIVATE_USERNAME", info.PrivateUsername, "PRIVATE_PASSWORD", info.PrivatePassword,
	).Replace(string(content))
	api := admin(t, u)
	documents := strings.Split(objects, "\n---\n")
	for i := range documents {
		document := documents[len(documents)-1-i]
		var object struct{ Kind string }
		require.NoError(t, yaml.Unmarshal([]byte(document), &object))
		collection := "/api/v1/namespaces/default/" + strings.ToLower(object.Kind) + "s"
		require.NoError(t, api.Create(t.Context(), collection, []byte(document)))
	}
}

// pod is what the test reads of one.
type pod struct {
	Status struct {
		Phase             string
		ContainerStatuses []struct {
			State struct {
				Waiting    struct{ Reason string }
				Terminated struct{ ExitCode int }
			}
		}
	}
}

func awaitPod(t *testing.T, api *kube.Client, name string, as func(pod) bool) {
	t.Helper()
	path := "/api/v1/namespaces/default/pods/" + name
	reached := assert.Eventually(t, func() bool {
		var now pod
		return api.Get(t.Context(), path, &now) == nil && as(now)
	}, limit, 200*time.Millisecond)
	if reached {
		return
	}
	for _, path := range []string{path, "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name=" + name} {
		content, err := api.GetRaw(t.Context(), path)
		t.Logf("%s: %v\n%s", path, err, content)
	}
	t.FailNow()
}

func inPhase(phase string) func(pod) bool { return func(p pod) bool { return p.Status.Phase == phase } }

func imageRefused(p pod) bool {
	for _, status := range p.Status.ContainerStatuses {
		if reason := status.State.Waiting.Reason; reason == "ErrImagePull" || reason == "ImagePullBackOff" {
			return true
		}
	}
	return false
}

func podsRun(t *testing.T, u *user, said string) {
	createAll(t, u)
	api := admin(t, u)
	awaitPod(t, api, "volume", inPhase("Succeeded"))
	awaitPod(t, api, "fails", func(p pod) bool {
		return p.Status.Phase == "Failed" && p.Status.ContainerStatuses[0].State.Terminated.ExitCode == 7
	})
	imagesAreOfTheBusyboxThatUpNames(t, u, said)
	awaitPod(t, api, "private-with-secret", inPhase("Succeeded"))
	awaitPod(t, api, "private-without-secret", imageRefused)
	awaitPod(t, api, "unknown-image", imageRefused)
	awaitPod(t, api, "sleeps", inPhase("Running"))
	u.succeed("restart", "containerd", "--kill")
	u.succeed("restart", "kubelet", "--kill")
	awaitPod(t, api, "sleeps", inPhase("Running"))
}

func imagesAreOfTheBusyboxThatUpNames(t *testing.T, u *user, said string) {
	named := regexp.MustCompile(`(?m)^images are made of busybox (v\S+), /`).FindStringSubmatch(said)
	require.NotNil(t, named, said)
	api := admin(t, u)
	awaitPod(t, api, "says-its-version", inPhase("Succeeded"))
	got, err := api.GetRaw(t.Context(), "/api/v1/namespaces/default/pods/says-its-version/log")
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(got), "BusyBox "+named[1]+" "), "%s\n%s", named[1], got)
}

func gatesReachServerAndKubelet(t *testing.T, u *user) {
	u.succeed("up", "--feature-gates", "PodLogsQuerySplitStreams=true")
	createAll(t, u)
	api := admin(t, u)
	awaitPod(t, api, "volume", inPhase("Succeeded"))
	for stream, want := range map[string]string{"Stdout": "hello\n", "Stderr": ""} {
		got, err := api.GetRaw(t.Context(), "/api/v1/namespaces/default/pods/volume/log?stream="+stream)
		require.NoError(t, err)
		assert.Equal(t, want, string(got), stream)
	}
	assert.Equal(t, map[string]bool{"PodLogsQuerySplitStreams": true}, u.info().FeatureGates)
}

func upCleansAKilledNode(t *testing.T, u *user) {
	awaitPod(t, admin(t, u), "sleeps", inPhase("Running"))
	for name, pid := range u.info().Pids {
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL), name)
	}
	u.succeed("up")
	u.succeed("status")
	createAll(t, u)
	awaitPod(t, admin(t, u), "volume", inPhase("Succeeded"))
	awaitPod(t, admin(t, u), "sleeps", inPhase("Running"))
}

func downLeavesNothingOfANode(t *testing.T, u *user) {
	u.cache() // sets the environment that the layout follows from
	files, err := layout.For(layout.Default)
	require.NoError(t, err)
	volumes := volumesOf(t, admin(t, u))
	require.NotEmpty(t, volumes)
	groups, err := cgroup.Detect()
	require.NoError(t, err)
	before, err := groups.Processes(files.Cgroup())
	require.NoError(t, err)
	require.NotEmpty(t, before, "the test would show nothing")

	u.succeed("down")
	marked, err := process.Marked(files.ID())
	require.NoError(t, err)
	assert.Empty(t, marked)
	left, err := groups.Processes(files.Cgroup())
	require.NoError(t, err)
	assert.Empty(t, left)
	for _, dir := range []string{files.Run, files.Dir} {
		points, err := mounts.Below(dir)
		require.NoError(t, err)
		assert.Empty(t, points)
		assert.NoDirExists(t, dir)
	}
	_, err = net.InterfaceByName(files.Bridge())
	require.Error(t, err, "the bridge")
	for _, volume := range volumes {
		assert.NoDirExists(t, volume)
	}
	u.succeed("down")
}

func volumesOf(t *testing.T, api *kube.Client) []string {
	t.Helper()
	var list struct {
		Items []struct {
			Spec struct{ HostPath struct{ Path string } }
		}
	}
	require.NoError(t, api.Get(t.Context(), "/api/v1/persistentvolumes", &list))
	var paths []string
	for _, item := range list.Items {
		require.True(t, strings.HasPrefix(item.Spec.HostPath.Path, hostpath.Folder+"/"), fmt.Sprint(item))
		paths = append(paths, item.Spec.HostPath.Path)
	}
	return paths
}
