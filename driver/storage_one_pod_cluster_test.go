package driver

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
)

// ofOnePod has the volumes of a namespace be such as one pod at a time may use.
func ofOnePod(namespace string) func(*Config) {
	return func(cfg *Config) {
		cfg.Values["storageClassName"] = namespace
		cfg.Values["accessModes"] = []any{"ReadWriteOncePod"}
	}
}

// newVolumeOfOnePod makes such a volume.
func newVolumeOfOnePod(t *testing.T, d *Driver) {
	t.Helper()
	info := testcluster.ReadInfo(t)
	newPersistentVolume(t, d, d.cfg.Namespace, corev1.ReadWriteOncePod, directory(t.TempDir(), info.NodeName))
	newVolume(t, d, "volume")
}

// copyFile copies a file to the volume.
func copyFile(ctx context.Context, t *testing.T, d *Driver) error {
	t.Helper()
	return d.CopyToVolume(ctx, "volume", bytes.NewReader(entries(t, tar.Header{Name: "file"})))
}

// A volume that one pod at a time may use is not copied while a task uses it, nor mounted by a second task, and both say so. A task that has
// ended uses it no longer, though its pod's phase may say so later than its status.
func TestClusterVolumeOfOnePod(t *testing.T) {
	namespace := uniqueNamespace()
	d, _ := onCluster(t, namespace, ofOnePod(namespace))
	impatient, _ := onCluster(t, namespace, func(cfg *Config) {
		ofOnePod(namespace)(cfg)
		cfg.SchedulingDeadline = 5 * time.Second
	})
	newVolumeOfOnePod(t, d)
	holder := run(t, d, using("volume", "sleep 3600"))
	require.NoError(t, holder.awaitRunning(long(t)))
	require.ErrorContains(t, copyFile(t.Context(), t, d), "(ReadWriteOncePod), and "+holder.ref.String()+" uses it")
	assert.Empty(t, helperPods(t, d))
	second := using("volume", "true")
	second.ID = "second"
	end, _ := finish(t, run(t, impatient, second))
	assert.Equal(t, ReasonVolumeUnavailable, end.Reason(), end.Message())
	require.NoError(t, holder.Cleanup(long(t)))
	second.ID = "third"
	end, _ = finish(t, run(t, d, second))
	require.Equal(t, ReasonCompleted, end.Reason(), end.Message())
	require.NoError(t, copyFile(t.Context(), t, d))
}

// A copy waits for a pod that goes by itself, and never for the right moment of its caller's.
func TestClusterCopyAwaitsWhoLeavesAVolumeOfOnePod(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T, d, another *Driver){
		"a copy that has failed": func(t *testing.T, d, _ *Driver) {
			require.ErrorIs(t, d.CopyToVolume(t.Context(), "volume", iotest.ErrReader(errReader)), errReader)
		},
		"a copy that was cancelled": func(t *testing.T, d, _ *Driver) {
			require.NoError(t, copyFile(t.Context(), t, d))
			ctx, cancel := context.WithCancel(t.Context())
			stream, err := d.CopyFromVolume(ctx, "volume")
			require.NoError(t, err)
			cancel()
			_, err = io.Copy(io.Discard, stream)
			require.ErrorIs(t, err, context.Canceled)
			require.NoError(t, stream.Close())
		},
		"a former helper that nobody has begun to remove": func(t *testing.T, d, _ *Driver) {
			_, err := d.helpers.start(t.Context(), &helper{volume: "volume"})
			require.NoError(t, err)
		},
		"a driver that has disconnected": func(t *testing.T, _, another *Driver) {
			require.NoError(t, copyFile(t.Context(), t, another))
			another.Disconnect()
		},
		"another driver's helper, which will have been idle for long enough": func(t *testing.T, _, another *Driver) {
			require.NoError(t, copyFile(t.Context(), t, another))
		},
		"a task that is being deleted": func(t *testing.T, d, _ *Driver) {
			c := run(t, d, using("volume", "trap '' TERM; while true; do sleep 1; done"))
			require.NoError(t, c.awaitRunning(long(t)))
			require.NoError(t, d.delete(t.Context(), c.ref))
			live, err := d.look(t.Context(), c.ref)
			require.NoError(t, err, "it goes within its grace period, which begins now")
			require.NotNil(t, live.GetDeletionTimestamp())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := uniqueNamespace()
			d, _ := onCluster(t, namespace, func(cfg *Config) {
				ofOnePod(namespace)(cfg)
				cfg.Values["terminationGracePeriodSeconds"] = 5
			})
			another, _ := onCluster(t, namespace, func(cfg *Config) {
				ofOnePod(namespace)(cfg)
				cfg.HelperIdle = time.Second
			})
			newVolumeOfOnePod(t, d)
			leave(t, d, another)
			require.NoError(t, copyFile(t.Context(), t, d))
			helpers := helperPods(t, d)
			require.Len(t, helpers, 1)
			assert.Equal(t, d.instance, makerOf(helpers[0]))
		})
	}
}

// The helper of another driver that does not go, as one of a dead process, is named.
func TestClusterCopyNamesWhoStaysInAVolumeOfOnePod(t *testing.T) {
	namespace := uniqueNamespace()
	d, _ := onCluster(t, namespace, func(cfg *Config) {
		ofOnePod(namespace)(cfg)
		cfg.SchedulingDeadline = 5 * time.Second
	})
	another, _ := onCluster(t, namespace, func(cfg *Config) {
		ofOnePod(namespace)(cfg)
		cfg.HelperIdle = time.Hour
	})
	newVolumeOfOnePod(t, d)
	require.NoError(t, copyFile(t.Context(), t, another))
	staying := helperPods(t, d)
	require.Len(t, staying, 1)
	err := copyFile(t.Context(), t, d)
	require.ErrorContains(t, err, "once "+refOf(staying[0]).String()+" has left the volume")
	require.ErrorContains(t, err, ReasonVolumeUnavailable)
	assert.Len(t, helperPods(t, d), 1)
	_, err = d.look(t.Context(), refOf(staying[0]))
	require.False(t, apierrors.IsNotFound(err))
}
