package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/kube"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/pki"
	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/process"
)

// limit is for things that a healthy cluster does within seconds.
const limit = 2 * time.Minute

// TestControlPlaneOfAnOrdinaryUser is the life of a cluster without a real node.
func TestControlPlaneOfAnOrdinaryUser(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a cluster")
	}
	u := ordinaryUser(t)
	_, stderr, code := u.run("kubeconfig")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "devcluster up")

	u.succeed("up", "--no-node", "--simulated-nodes", "1")
	for _, step := range []struct {
		name string
		run  func(*testing.T, *user)
	}{
		{"kubeconfig", kubeconfigIsPrinted},
		{"kubectl", kubectlTalksToTheCluster},
		{"simulated pods", simulatedPodsLive},
		{"up again", secondUpKeepsAllProcesses},
		{"more nodes", nodesAreAddedToARunningCluster},
		{"restart", restartReplacesOneProcess},
		{"dead component", deadComponentIsReportedAndReplaced},
		{"killed cluster", upWorksOverAKilledCluster},
		{"wrong gate", wrongGateIsReportedWithTheLog},
		{"down", downLeavesNothing},
	} {
		t.Run(step.name, func(t *testing.T) { step.run(t, u.in(t)) })
	}
}

func kubeconfigIsPrinted(t *testing.T, u *user) {
	path := strings.TrimSpace(u.succeed("kubeconfig"))
	assert.Equal(t, u.info().Kubeconfig, path)
	stat, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), stat.Mode().Perm())
}

func kubectlTalksToTheCluster(t *testing.T, u *user) {
	kubectl := exec.CommandContext(t.Context(), strings.TrimSpace(u.succeed("kubectl")), "version", "--kubeconfig", u.info().Kubeconfig)
	out, err := kubectl.CombinedOutput()
	require.NoError(t, err, string(out))
	versions := regexp.MustCompile(`(?m)^(?:Client|Server) Version: (v\S+)$`).FindAllStringSubmatch(string(out), -1)
	require.Len(t, versions, 2, string(out))
	assert.Equal(t, versions[0][1], versions[1][1])
}

func simulatedPodsLive(t *testing.T, u *user) {
	api := admin(t, u)
	for _, file := range []string{"running-pod.yaml", "completing-pod.yaml"} {
		manifest, err := os.ReadFile(filepath.Join("testdata", file))
		require.NoError(t, err)
		require.NoError(t, api.Create(t.Context(), "/api/v1/namespaces/default/pods", manifest))
	}
	eventually(t, func() bool { return phase(t, api, "ends") == "Succeeded" })
	eventually(t, func() bool { return phase(t, api, "stays") == "Running" })
}

func secondUpKeepsAllProcesses(t *testing.T, u *user) {
	before := u.info()
	u.succeed("up")
	u.succeed("up", "--no-node", "--simulated-nodes", "1")
	assert.Equal(t, before, u.info())
	u.succeed("status")
}

func nodesAreAddedToARunningCluster(t *testing.T, u *user) {
	before := u.info()
	u.succeed("up", "--simulated-nodes", "3")
	assert.Equal(t, before.Pids, u.info().Pids)
	assert.Len(t, u.info().SimulatedNodes, 3)
	assert.Equal(t, "Running", phase(t, admin(t, u), "stays"), "nothing in the cluster was lost")
}

func restartReplacesOneProcess(t *testing.T, u *user) {
	before := u.info().Pids
	u.succeed("restart", "kube-apiserver", "--kill")
	after := u.info().Pids
	assert.NotEqual(t, before["kube-apiserver"], after["kube-apiserver"])
	assert.Equal(t, before["etcd"], after["etcd"])
	assert.Equal(t, "Running", phase(t, admin(t, u), "stays"))
}

func deadComponentIsReportedAndReplaced(t *testing.T, u *user) {
	u.succeed("stop", "kube-scheduler")
	stdout, _, code := u.run("status")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stdout, "its process has ended")
	assert.Contains(t, stdout, "The last lines of")
	u.succeed("restart", "kube-scheduler")
	u.succeed("status")
}

func upWorksOverAKilledCluster(t *testing.T, u *user) {
	for name, pid := range u.info().Pids {
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL), name)
	}
	_, stderr, code := u.run("up")
	require.Zero(t, code, stderr)
	assert.Contains(t, stderr, "not healthy")
	u.succeed("status")
}

func wrongGateIsReportedWithTheLog(t *testing.T, u *user) {
	_, stderr, code := u.run("up", "--feature-gates", "NoSuchGate=true")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "kube-apiserver has ended")
	assert.Contains(t, stderr, "NoSuchGate", "the component's own words")
	assert.Contains(t, u.succeed("logs", "kube-apiserver"), "NoSuchGate", "and its log is still there")
	u.succeed("up", "--no-node")
}

func downLeavesNothing(t *testing.T, u *user) {
	pids := u.info().Pids
	u.succeed("down")
	for name, pid := range pids {
		_, err := process.Of(pid)
		require.ErrorIs(t, err, os.ErrProcessDone, name)
	}
	assert.NoDirExists(t, filepath.Join(u.cache(), "clusters", "dev"))
	u.succeed("down")
}

// admin returns a client with the rights of the printed kubeconfig.
func admin(t *testing.T, u *user) *kube.Client {
	t.Helper()
	content, err := os.ReadFile(u.info().Kubeconfig)
	require.NoError(t, err)
	var config struct {
		Clusters []struct {
			Cluster struct {
				CA []byte `json:"certificate-authority-data"`
			} `json:"cluster"`
		} `json:"clusters"`
		Users []struct {
			User struct {
				Cert []byte `json:"client-certificate-data"`
				Key  []byte `json:"client-key-data"`
			} `json:"user"`
		} `json:"users"`
	}
	require.NoError(t, yaml.Unmarshal(content, &config))
	user := config.Users[0].User
	client, err := kube.NewClient(u.info().Server, config.Clusters[0].Cluster.CA, pki.Pair{Cert: user.Cert, Key: user.Key})
	require.NoError(t, err)
	return client
}

func phase(t *testing.T, api *kube.Client, pod string) string {
	t.Helper()
	var got struct{ Status struct{ Phase string } }
	require.NoError(t, api.Get(context.Background(), "/api/v1/namespaces/default/pods/"+pod, &got))
	return got.Status.Phase
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, limit, 200*time.Millisecond)
}
