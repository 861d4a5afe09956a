package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

// kubeconfigFor writes a kubeconfig of a server.
func kubeconfigFor(t *testing.T, url string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(file, []byte(`{"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"contexts": [{"name": "c", "context": {"cluster": "c"}}], "clusters": [{"name": "c", "cluster": {"server": "`+url+`"}}]}`), 0o600))
	return file
}

// Every test of this file is a mistake of somebody who is new here. The error has to name what was given, and say what to do next.
type mistake struct {
	args   []string
	code   int
	errors []string
}

func (m mistake) check(t *testing.T) {
	t.Helper()
	got := program(t, "", m.args...)
	assert.Equal(t, m.code, got.code, got.err)
	assert.Empty(t, got.out, "standard output is for results")
	for _, want := range m.errors {
		assert.Contains(t, got.err, want)
	}
}

func TestMistakesOnTheCommandLine(t *testing.T) {
	for name, m := range map[string]mistake{
		"unknown flag":      {[]string{"run", "a", "--imag", "x"}, exitAround, []string{"unknown flag: --imag", "`kubectl orchestra run --help` shows"}},
		"unknown command":   {[]string{"rnu"}, exitUsage, []string{`unknown command "rnu"; did you mean run or rm?`, "`kubectl orchestra --help` shows"}},
		"no image":          {[]string{"run", "a"}, exitAround, []string{"the task has no image: give --image"}},
		"a forgotten --":    {[]string{"run", "a", "--image", "x", "echo", "hi"}, exitAround, []string{`["a" "echo" "hi"]: the task's command comes after --`}},
		"no argument":       {[]string{"logs"}, exitUsage, []string{"accepts 1 arg(s), received 0", "`kubectl orchestra logs --help` shows"}},
		"unknown format":    {[]string{"ps", "-o", "xml"}, exitUsage, []string{`"xml"`, "want one of wide, name, json, yaml"}},
		"detached and --rm": {[]string{"run", "--image", "x", "-d", "--rm", "-i"}, exitAround, []string{"flags --detach and --rm", "flags --detach and --stdin"}},
		"orphaned flag":     {[]string{"run", "--image", "x", "--remove-volumes"}, exitAround, []string{"it needs --rm"}},
		"bad --set":         {[]string{"ps", "--set", "a", "--set", "b=[", "--set", "c..d=1", "--set", "e=1", "--set", "e.f=1"}, exitUsage, []string{`flag --set "a": want PATH=VALUE`, `flag --set "b=["`, "empty part", `"e" was set to something`}},
		"all at once": {[]string{"run", "a", "--env", "NOVALUE", "--volume", ":x", "--volume", "x:/y:big", "--memory", "lots", "--cpu", "many"}, exitAround, []string{
			`flag --env "NOVALUE": want NAME=VALUE`, `flag --volume ":x": want NAME, NAME:PATH`, `"big" is not a positive number of GiB`,
			`flag --memory: "lots" is no amount of memory, such as 512Mi`, `flag --cpu: "many" is no number of CPUs, such as 2`, "has no image",
		}},
	} {
		t.Run(name, m.check)
	}
}

func TestMistakesInFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	bad, broken, env := write("bad.yaml", "id: a\nimgae: busybox\n"), write("broken.yaml", "id: a\n image: b\n"), write("env", "A=b\nPATH\n")
	values := write("values.yaml", "nodeSelectr: {}\n")
	for name, m := range map[string]mistake{
		"unknown task file":  {[]string{"run", "-f", "no/such.yaml"}, exitAround, []string{"open no/such.yaml: no such file", "Check the path"}},
		"unknown field":      {[]string{"run", "-f", bad}, exitAround, []string{"bad.yaml:2: unknown field \"imgae\"; there are command, env, id, image", "Correct the task file"}},
		"broken YAML":        {[]string{"run", "-f", broken}, exitAround, []string{"broken.yaml", "line 2: mapping values are not allowed"}},
		"unknown env file":   {[]string{"run", "--image", "x", "--env-file", "no/env"}, exitAround, []string{"flag --env-file: open no/env"}},
		"bad env file":       {[]string{"run", "--image", "x", "--env-file", env}, exitAround, []string{"env:2: the line is not NAME=VALUE"}},
		"unknown kubeconfig": {[]string{"ps", "--kubeconfig", "no/config"}, exitFailure, []string{"no/config", "no such file", "Check the path"}},
		"unknown directory":  {[]string{"ps", "--templates", "no/templates"}, exitFailure, []string{`opening template directory "no/templates"`, "template lint"}},
		"unknown overlay":    {[]string{"ps", "--templates", "builtin:jbo"}, exitFailure, []string{"builtin:job", "template lint"}},
		"unknown value":      {[]string{"ps", "--templates", filepath.Dir(values)}, exitFailure, []string{"template"}},
		"stdin for two":      {[]string{"run", "-f", "-", "-i"}, exitAround, []string{"both want standard input"}},
	} {
		t.Run(name, m.check)
	}
}

func TestNoCluster(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	t.Setenv("HOME", t.TempDir())
	mistake{[]string{"ps"}, exitFailure, []string{"finding a cluster: ", "$KUBECONFIG is not set", "--kubeconfig", "`kubectl orchestra doctor`"}}.check(t)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	mistake{[]string{"ps", "--kubeconfig", kubeconfigFor(t, "http://"+address)}, exitFailure, []string{
		address, "connection refused", "Check that the cluster runs and that --kubeconfig and --context name the right one",
	}}.check(t)
	mistake{[]string{"ps", "--kubeconfig", kubeconfigFor(t, "http://"+address), "--context", "other"}, exitFailure, []string{
		`there is no context "other"; it has ["c"]`,
	}}.check(t)
}

func TestAClusterThatDoesNotKnowYou(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Unauthorized", "code": 401, "message": "\u001b[2JUnauthorized"}`))
	}))
	t.Cleanup(server.Close)
	got := program(t, "", "ps", "--kubeconfig", kubeconfigFor(t, server.URL))
	assert.Equal(t, exitFailure, got.code)
	assert.Contains(t, got.err, "renew the credentials")
	assert.NotContains(t, got.err, "\x1b", "a server's words do nothing to a terminal")
}

func TestASlowCluster(t *testing.T) {
	asked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	p := start(t, streams{}, "ps", "--kubeconfig", kubeconfigFor(t, server.URL), "--request-timeout", "5s")
	<-asked
	p.err.await(t, "waiting for the API server to answer (at most 5s) ...")
	got := p.wait()
	assert.Equal(t, exitFailure, got.code)
	assert.Contains(t, got.err, "it did not answer within 5s")
	assert.Contains(t, got.err, "try again with a longer --request-timeout")
}

func TestNoPermission(t *testing.T) {
	t.Parallel()
	m := mistake{[]string{"ps", "--kubeconfig", testcluster.Simulated(t), "--as", "nobody-in-particular", "--as-group", "system:authenticated"}, exitFailure, []string{
		"forbidden", `cannot list resource "pods"`, "`kubectl orchestra rbac` prints the Role that is needed",
	}}
	m.check(t)
}

func TestAnInvalidTask(t *testing.T) {
	t.Parallel()
	mistake{[]string{"run", "bad", "--kubeconfig", testcluster.Simulated(t), "--image", "UPPER", "--user", "0x10", "--workdir", "../x"}, exitAround, []string{
		`Image "UPPER"`, `User "0x10"`, `WorkDir "../x"`, "`kubectl orchestra run --help` shows",
	}}.check(t)
}

func TestAnInterruptedStart(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(interrupted{os.Interrupt})
	assert.Equal(t, 130, exitCode(ctx))
	assert.Equal(t, exitFailure, exitCode(t.Context()))
}
