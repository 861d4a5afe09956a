package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

// result is what a terminal would show of one run of the program.
type result struct {
	code     int
	out, err string
}

func program(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), streams{strings.NewReader(stdin), &out, &errs}, args)
	return result{code, out.String(), errs.String()}
}

func TestMistakesAreReportedAtOnce(t *testing.T) {
	got := program(t, "", "run", "a", "--env", "NOVALUE", "--volume", "x", "--volume", "x:/y:big", "--memory", "lots")
	assert.Equal(t, exitFailure, got.code)
	for _, want := range []string{
		`flag --env "NOVALUE": want NAME=VALUE`, `flag --volume "x": want NAME:PATH`, `"big" is not a positive number of GiB`, `flag --memory "lots"`,
	} {
		assert.Contains(t, got.err, want)
	}
	assert.Empty(t, got.out)
}

func TestUnknownFlagAndMissingCluster(t *testing.T) {
	assert.Contains(t, program(t, "", "run", "a", "--imag", "x").err, "unknown flag: --imag")
	got := program(t, "", "run", "a", "--image", "busybox", "--kubeconfig", "/nonexistent")
	assert.Equal(t, exitFailure, got.code)
	assert.Contains(t, got.err, "/nonexistent")
}

func TestTaskFromATerminal(t *testing.T) {
	scope := "cli-" + rand.String(8)
	common := []string{"--kubeconfig", testcluster.Kubeconfig(t), "--scope", scope, "--image", "busybox", "--remove-volumes"}
	got := program(t, "from stdin", append([]string{"run", "task", "-i", "-e", "A=b c", "-v", "data:data", "--memory", "64Mi", "--cpu-shares", "256"},
		append(common, "--", "sh", "-c", `cat > data/x; echo "$A: $(cat data/x)"; exit 7`)...)...)
	assert.Equal(t, 7, got.code, got.err)
	assert.Equal(t, "b c: from stdin\n", got.out)
	assert.Contains(t, got.err, "exit code 7")
	assert.Contains(t, got.err, "cluster: https://")

	got = program(t, "", append([]string{"run", "task"}, append(common, "--", "true")...)...)
	require.Zero(t, got.code, "the first was cleaned up: %s", got.err)

	got = program(t, "", append([]string{"run", "bad"}, append(common, "--user", "0x10", "--workdir", "../x")...)...)
	assert.Equal(t, exitFailure, got.code)
	assert.Contains(t, got.err, `User "0x10"`)
	assert.Contains(t, got.err, `WorkDir "../x"`)
}
