package driver

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

const bigSize = 30 << 20

// A process that is killed in the midst of a copy into a volume leaves a part in it, which a further copy of another process makes whole.
func TestClusterKilledWhileItCopiesIn(t *testing.T) {
	t.Parallel()
	info := testcluster.ReadInfo(t)
	namespace := uniqueNamespace()
	d, _ := onCluster(t, namespace, func(cfg *Config) {
		cfg.Values["storageClassName"] = namespace
		cfg.HelperIdle = time.Hour
	})
	dir := t.TempDir() // the node is this machine
	newStorage(t, d, namespace, dir, info.NodeName)
	newVolume(t, d, "volume")
	l := life{Namespace: namespace, Kubeconfig: testcluster.Kubeconfig(t), Work: "copy in"}
	cmd, stdout, _ := l.process(t)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = io.CopyN(stdin, bigArchive(t, bigSize), bigSize/2)
	require.NoError(t, err)
	sizeThere := func() int64 {
		found, err := os.Stat(filepath.Join(dir, "big"))
		if err != nil {
			return 0
		}
		return found.Size()
	}
	eventually(t, "a part is in the volume", func() bool { return sizeThere() > 0 })
	helper := onlyHelper(t, d)
	require.NoError(t, cmd.Process.Kill())
	awaitDeath(t, cmd, helper)
	assert.Empty(t, stdout.String(), "it has told nobody of a success")
	part := sizeThere()
	require.Less(t, part, int64(bigSize))
	file, err := os.Open(filepath.Join(dir, "big"))
	require.NoError(t, err)
	defer file.Close()
	assert.Equal(t, digestOfNoise(t, part), digestOf(t, io.LimitReader(file, part)))

	again, _, stderr := l.process(t)
	again.Stdin = bigArchive(t, bigSize)
	require.NoError(t, again.Run(), "%s", stderr)
	stream, err := d.CopyFromVolume(t.Context(), "volume")
	require.NoError(t, err)
	assertBig(t, stream)
	assertSwept(t, d, helper)
}

// A process that is killed in the midst of a copy out of a volume has not written an archive that passes for a whole one.
func TestClusterKilledWhileItCopiesOut(t *testing.T) {
	t.Parallel()
	namespace := uniqueNamespace()
	d, _ := onCluster(t, namespace, func(cfg *Config) { cfg.HelperIdle = time.Hour })
	newVolume(t, d, "volume")
	l := life{Namespace: namespace, Kubeconfig: testcluster.Kubeconfig(t), Work: "copy in"}
	first, _, stderr := l.process(t)
	first.Stdin = bigArchive(t, bigSize)
	require.NoError(t, first.Run(), "%s", stderr)
	awaitHelpers(t, d, 0)

	l.Work = "copy out"
	cmd, _, _ := l.process(t)
	cmd.Stdout = nil
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var written bytes.Buffer
	_, err = io.CopyN(&written, out, 1<<20)
	require.NoError(t, err)
	helper := onlyHelper(t, d)
	require.NoError(t, cmd.Process.Kill())
	_, err = io.Copy(&written, out)
	require.NoError(t, err)
	awaitDeath(t, cmd, helper)
	_, err = onlyFile(&written)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)

	again, archive, stderr := l.process(t)
	require.NoError(t, again.Run(), "%s", stderr)
	assertBig(t, io.NopCloser(archive))
	require.NoError(t, copyFile(t.Context(), t, d))
	assertSwept(t, d, helper)
}

// onlyHelper is the one through which a process copies.
func onlyHelper(t *testing.T, d *Driver) ref {
	t.Helper()
	helpers := helperPods(t, d)
	require.Len(t, helpers, 1)
	require.NotEqual(t, d.instance, makerOf(helpers[0]))
	return refOf(helpers[0])
}

// awaitDeath waits until a process that was killed has died, and nothing of its copy runs in its helper any more.
func awaitDeath(t *testing.T, cmd *exec.Cmd, helper ref) {
	t.Helper()
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.False(t, exit.Exited(), "it was to be killed, and ended by itself")
	eventually(t, "its tar has ended", func() bool { return !strings.Contains(processes(t, helper.uid), "tar") })
}

// awaitHelpers waits until there are so many helpers, also of those that are going.
func awaitHelpers(t *testing.T, d *Driver, n int) {
	t.Helper()
	eventually(t, "other helpers are gone", func() bool { return len(allHelperPods(t, d)) == n })
}

// assertBig asserts that bigArchive has arrived.
func assertBig(t *testing.T, stream io.ReadCloser) {
	t.Helper()
	found := archived(t, stream)
	require.Contains(t, found, "big")
	assert.Equal(t, digestOfNoise(t, bigSize), found["big"].PAXRecords["sha256"])
}

// assertSwept asserts that Sweep takes the helper that a dead process has left, and spares a living driver's, and the volume, which that uses.
func assertSwept(t *testing.T, d *Driver, helper ref) {
	t.Helper()
	awaitHelpers(t, d, 2)
	sweeper, _ := onCluster(t, d.cfg.Namespace, nil)
	later(d, time.Hour)
	later(sweeper, time.Hour)
	require.NoError(t, d.presence.renew(t.Context()))
	removed, err := sweeper.Sweep(long(t), 30*time.Minute)
	require.NoError(t, err)
	assert.Equal(t, []string{helper.String()}, removed)
	stream, err := d.CopyFromVolume(t.Context(), "volume")
	require.NoError(t, err)
	assertBig(t, stream)
	require.NoError(t, d.Close())
	assert.Empty(t, left(t, d, leaseKind))
}
