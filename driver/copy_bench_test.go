package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

// BenchmarkClusterCopies copies a file of 1 GiB, and 20,000 small ones, into a volume and out of it: by the driver, which verifies what it
// copies, and in the same run by `kubectl cp` and by tar over `kubectl exec`, which do not. All three use the same pod, volume and local
// directory, one after the other. Printed are the MB/s of the files' contents, and the ratio of the driver's speed to that of the better of
// the two. The start of the helper pod is not counted, as kubectl needs a pod that runs. The pod asks for half a processor, because checksums
// would starve in one that asks for nothing.
func BenchmarkClusterCopies(b *testing.B) {
	for _, load := range []struct {
		name        string
		files, size int
	}{{"1GiB", 1, 1 << 30}, {"20000files", 20_000, 1 << 10}} {
		b.Run(load.name, func(b *testing.B) {
			r := newCopyRace(b)
			r.fill(b, load.files, load.size)
			b.Run("in", func(b *testing.B) { r.run(b, load.files*load.size, r.waysIn(), r.clearVolume) })
			b.Run("out", func(b *testing.B) { r.run(b, load.files*load.size, r.waysOut(), r.clearTarget) })
		})
	}
}

// copyRace has what the three ways of copying share.
type copyRace struct {
	d          *Driver
	local      string // a directory: what is copied in lies in "source", what comes out goes to "target"
	kubectl    []string
	pod, mount string // the helper, and the volume in it
}

// copyWay is one of them.
type copyWay struct {
	name string
	copy func(ctx context.Context) error
}

func newCopyRace(b *testing.B) *copyRace {
	b.Helper()
	kubeconfig := testcluster.Kubeconfig(b)
	d, err := New(b.Context(), Config{
		Namespace: uniqueNamespace(), Kubeconfig: kubeconfig, HelperIdle: time.Hour,
		Values: map[string]any{"helper": map[string]any{"resources": map[string]any{"requests": map[string]any{"cpu": "500m"}}}},
	}, nil)
	require.NoError(b, err)
	b.Cleanup(func() {
		assert.NoError(b, d.Close())
		d.disconnect()
	})
	_, err = d.CreateVolume(b.Context(), "volume", 0)
	require.NoError(b, err)
	h, err := d.helpers.acquire(b.Context(), "volume")
	require.NoError(b, err)
	d.helpers.release(b.Context(), h, nil)
	return &copyRace{
		d: d, local: b.TempDir(), pod: h.c.id, mount: h.dir(),
		kubectl: []string{testcluster.Kubectl(b), "--kubeconfig", kubeconfig, "--namespace", d.namespace},
	}
}

// fill makes the files that are copied, a thousand in each directory.
func (r *copyRace) fill(b *testing.B, files, size int) {
	b.Helper()
	for i := range files {
		dir := filepath.Join(r.local, "source", fmt.Sprint(i/1000))
		require.NoError(b, os.MkdirAll(dir, 0o755))
		file, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		require.NoError(b, err)
		_, err = io.Copy(file, noise(int64(size)))
		require.NoError(b, errors.Join(err, file.Close()))
	}
}

// maxFailures is how often a way of copying may fail until it is left out.
const maxFailures = 3

// run measures every way, each time with an empty target. kubectl gives a connection up, or loses the end of an archive, now and then: its
// copies are made again, and printed as failed. On a busy machine none may succeed; then the other way is the better one.
func (r *copyRace) run(b *testing.B, bytes int, ways []copyWay, clear func(ctx context.Context) error) {
	b.Helper()
	copied, failed, spent := make([]int, len(ways)), make([]int, len(ways)), make([]time.Duration, len(ways))
	for b.Loop() {
		for i, way := range ways {
			for done := false; !done && failed[i] < maxFailures; {
				require.NoError(b, clear(b.Context()))
				began := time.Now()
				err := way.copy(b.Context())
				if done = err == nil; done {
					copied[i], spent[i] = copied[i]+bytes, spent[i]+time.Since(began)
					continue
				}
				failed[i]++
				b.Logf("%s: %.300v", way.name, err)
			}
		}
	}
	require.Zero(b, failed[0], ways[0].name)
	speeds := make([]float64, len(ways))
	for i, way := range ways {
		b.ReportMetric(float64(failed[i]), "failed-"+way.name)
		if copied[i] > 0 {
			speeds[i] = float64(copied[i]) / 1e6 / spent[i].Seconds()
			b.ReportMetric(speeds[i], "MB/s-"+way.name)
		}
	}
	if best := max(speeds[1], speeds[2]); best > 0 {
		b.ReportMetric(speeds[0]/best, "MB/s-x-best-of-kubectl")
	}
}

func (r *copyRace) waysIn() []copyWay {
	return []copyWay{
		{"driver", func(ctx context.Context) error {
			pack := r.shell(ctx, `tar -cf - source`)
			archive, err := pack.StdoutPipe()
			if err != nil {
				return err
			}
			if err := pack.Start(); err != nil {
				return err
			}
			return errors.Join(r.d.CopyToVolume(ctx, "volume", archive), pack.Wait())
		}},
		{"cp", func(ctx context.Context) error { return quietly(r.shell(ctx, `"$@" cp source "$POD:$MOUNT"`)) }},
		{"exec-tar", func(ctx context.Context) error {
			return quietly(r.shell(ctx, `tar -cf - source | "$@" exec -i "$POD" -- tar -C "$MOUNT" -xf -`))
		}},
	}
}

func (r *copyRace) waysOut() []copyWay {
	return []copyWay{
		{"driver", func(ctx context.Context) error {
			archive, err := r.d.CopyFromVolume(ctx, "volume")
			if err != nil {
				return err
			}
			unpack := r.shell(ctx, `tar -C target -xf -`)
			unpack.Stdin = archive
			return errors.Join(quietly(unpack), archive.Close())
		}},
		{"cp", func(ctx context.Context) error {
			return quietly(r.shell(ctx, `"$@" cp "$POD:$MOUNT/source" target/source`))
		}},
		{"exec-tar", func(ctx context.Context) error {
			return quietly(r.shell(ctx, `"$@" exec "$POD" -- tar -C "$MOUNT" -cf - source | tar -C target -xf -`))
		}},
	}
}

func (r *copyRace) clearVolume(ctx context.Context) error {
	return quietly(r.shell(ctx, `"$@" exec "$POD" -- sh -c 'rm -rf "$0"/*' "$MOUNT"`))
}

func (r *copyRace) clearTarget(ctx context.Context) error {
	return quietly(r.shell(ctx, `rm -rf target; mkdir target`))
}

// shell is a script with kubectl and its connection as "$@".
func (r *copyRace) shell(ctx context.Context, script string) *exec.Cmd {
	command := exec.CommandContext(ctx, "bash", append([]string{"-o", "pipefail", "-c", script, "bash"}, r.kubectl...)...)
	command.Dir = r.local
	command.Env = append(os.Environ(), "POD="+r.pod, "MOUNT="+r.mount)
	return command
}

// quietly runs a command, and shows what it says only if it fails.
func quietly(command *exec.Cmd) error {
	said, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}
