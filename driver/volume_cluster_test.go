package driver

import (
	"archive/tar"
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// A claim that is never bound ends in a reason, for a task and for a copy.
func TestClusterVolumeThatIsNeverBound(t *testing.T) {
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
		cfg.Values["storageClassName"] = "there-is-no-such-class"
		cfg.SchedulingDeadline = 5 * time.Second
	})
	newVolume(t, d, "volume")
	c := run(t, d, orchestra.Task{ID: "x", Image: "busybox", Command: []string{"true"}, Mounts: orchestra.Mounts{{Name: "volume", Path: "data"}}})
	end, _ := finish(t, c)
	assert.Equal(t, ReasonVolumeUnavailable, end.Reason(), end.Message())
	err := d.CopyToVolume(t.Context(), "volume", bytes.NewReader(entries(t, tar.Header{Name: "file"})))
	assert.ErrorContains(t, err, ReasonVolumeUnavailable)
}

func TestClusterVolumesOfThePlatform(t *testing.T) {
	theirs, _ := onCluster(t, uniqueNamespace(), nil)
	newVolume(t, theirs, "volume")
	claim := theirs.templates.ClaimName("volume")
	d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) {
		cfg.Values["volumeSources"] = map[string]any{
			"shared":  map[string]any{"persistentVolumeClaim": map[string]any{"claimName": claim}},
			"scratch": map[string]any{"emptyDir": map[string]any{"sizeLimit": "10Mi"}},
		}
	})
	require.NoError(t, d.CopyToVolume(t.Context(), "shared", bytes.NewReader(entries(t, tar.Header{Name: "file"}))))
	c := run(t, d, orchestra.Task{
		ID: "x", Image: "busybox", Command: []string{"sh", "-c", "cp shared/file scratch/ && cat scratch/file"},
		Mounts: orchestra.Mounts{{Name: "shared", Path: "shared"}, {Name: "scratch", Path: "scratch"}},
	})
	end, out := finish(t, c)
	assert.Equal(t, "file", out, end.Message())
	assert.Len(t, left(t, d), 1, "the task's pod; the helper has gone before it")
	require.NoError(t, d.Close())
	assert.Len(t, left(t, theirs), 1, "their claim stays")
}
