package driver

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// later sets a driver's clock ahead.
func later(d *Driver, by time.Duration) { d.now = func() time.Time { return time.Now().Add(by) } }

func TestSweepTakesWhatTheDeadHaveLeft(t *testing.T) {
	s := newAPIServer(t)
	extra := withTemplates(t, map[string]string{"config.yaml": configMap})
	dead, _ := openDriver(t, s, "ns", extra)
	lives, _ := openDriver(t, s, "ns", extra)
	stranger, _ := openDriver(t, s, "other", nil)
	sweeper, _ := openDriver(t, s, "ns", nil)
	later(lives, time.Hour)
	later(sweeper, time.Hour)

	mounted := task("dead's")
	mounted.Mounts = orchestra.Mounts{{Name: "dead's", Path: "data"}, {Name: "taken up", Path: "more"}}
	run(t, dead, mounted)
	run(t, dead, task("taken up"))
	run(t, stranger, task("stranger's"))
	require.NoError(t, dead.renewLease(t.Context()))

	taken := run(t, lives, task("taken up"))
	_, err := lives.CreateVolume(t.Context(), "taken up", 0)
	require.NoError(t, err)
	run(t, lives, task("its own"))
	_, err = lives.GetContainer(t.Context(), lives.templates.WorkloadName("dead's"))
	require.NoError(t, err, "which makes nobody its user")
	require.NoError(t, lives.renewLease(t.Context()))

	removed, err := sweeper.Sweep(t.Context(), 30*time.Minute)
	require.NoError(t, err)
	slices.SortFunc(removed, strings.Compare)
	assert.Equal(t, []string{
		"ConfigMap/default/" + dead.templates.WorkloadName("dead's") + "-config",
		"PersistentVolumeClaim/default/" + dead.templates.ClaimName("dead's"),
		"Pod/default/" + dead.templates.WorkloadName("dead's"),
	}, removed)
	left := s.paths()
	assert.Contains(t, left, podPath(taken))
	assert.Len(t, left, 2*2+1+1+1, "two pods with config maps, a claim, a lease, and the stranger's pod")

	removed, err = sweeper.Sweep(t.Context(), 30*time.Minute)
	require.NoError(t, err)
	assert.Empty(t, removed)
}

func TestSweepSparesTheYoungAndItsOwn(t *testing.T) {
	s := newAPIServer(t)
	dead, _ := openDriver(t, s, "ns", nil)
	sweeper, _ := openDriver(t, s, "ns", nil)
	run(t, dead, task("young"))
	later(sweeper, time.Hour)
	run(t, sweeper, task("its own"))
	removed, err := sweeper.Sweep(t.Context(), 2*time.Hour)
	require.NoError(t, err)
	assert.Empty(t, removed)
	removed, err = sweeper.Sweep(t.Context(), time.Minute)
	require.NoError(t, err)
	assert.Len(t, removed, 1)
	assert.Len(t, s.paths(), 1)
	_, err = sweeper.Sweep(t.Context(), time.Second)
	require.ErrorContains(t, err, "1s is too short")
}

func TestLeaseLastsAsLongAsAnythingIsUsed(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	c := run(t, d, task("one"))
	v, err := d.CreateVolume(t.Context(), "data", 0)
	require.NoError(t, err)
	require.NoError(t, d.presence.renew(t.Context()))
	lease := "/leases/" + d.lease().GetName()
	assert.Equal(t, 2, s.seen(http.MethodPatch, lease), "a renewal that found nothing, and the creation")
	require.NoError(t, c.Cleanup(bounded(t)))
	require.NoError(t, d.presence.renew(t.Context()))
	assert.Len(t, s.paths(), 2, "claim and lease")
	require.NoError(t, v.Cleanup(bounded(t)))
	assert.Empty(t, s.paths())
	require.NoError(t, d.presence.renew(t.Context()))
	assert.Empty(t, s.paths(), "nothing is used, so nothing is renewed")
}

func TestCleanupDoesNotWaitForTheLease(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	c := run(t, d, task("one"))
	require.NoError(t, d.presence.renew(t.Context()))
	require.NoError(t, d.presence.lock(t.Context()), "as a renewal does whose answer does not come")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d.presence.release(ctx, s.objects[podPath(c)].GetUID())
	d.presence.unlock()
	assert.Len(t, s.paths(), 2, "pod and lease")
	require.NoError(t, d.Close())
	assert.Empty(t, s.paths(), "Close removes the lease")
}

func TestHoldersAreBounded(t *testing.T) {
	s := newAPIServer(t)
	d, _ := openDriver(t, s, "ns", nil)
	c := run(t, d, task("one"))
	var newest *Driver
	for i := range maxHolders + 3 {
		newest, _ = openDriver(t, s, "ns", nil)
		later(newest, time.Duration(i)*time.Hour)
		run(t, newest, task("one"))
		run(t, newest, task("one"))
	}
	instances := holders(s.objects[podPath(c)])
	assert.Len(t, instances, 1+maxHolders)
	assert.Contains(t, instances, d.instance)
	assert.Contains(t, instances, newest.instance)
	assert.Equal(t, maxHolders+3, s.seen(http.MethodPatch, podPath(c))-1-2*(maxHolders+3), "each driver marks the pod once, beside its applies")
}
