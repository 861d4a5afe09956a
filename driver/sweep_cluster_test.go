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

func TestClusterSweepTakesTheDeadAndSparesTheLiving(t *testing.T) {
	namespace := uniqueNamespace()
	extra := withTemplates(t, map[string]string{"config.yaml": configMap})
	dead, _ := onCluster(t, namespace, extra)
	lives, _ := onCluster(t, namespace, extra)
	sweeper, _ := onCluster(t, namespace, nil)
	later(lives, time.Hour)
	later(sweeper, time.Hour)
	for _, d := range []*Driver{dead, lives} {
		mounted := sleeper("of " + d.instance)
		mounted.Mounts = orchestra.Mounts{{Name: "of " + d.instance, Path: "data"}}
		run(t, d, mounted)
		run(t, d, sleeper("taken up"))
		require.NoError(t, d.presence.renew(t.Context()))
	}
	removed, err := sweeper.Sweep(long(t), 30*time.Minute)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{
		"ConfigMap/" + dead.namespace + "/" + dead.templates.WorkloadName("of "+dead.instance) + "-config",
		"PersistentVolumeClaim/" + dead.namespace + "/" + dead.templates.ClaimName("of "+dead.instance),
		"Pod/" + dead.namespace + "/" + dead.templates.WorkloadName("of "+dead.instance),
	}, removed)
	assert.Len(t, left(t, lives, configMapKind, leaseKind), 2*2+1+1, "two pods with config maps, a claim, and the living one's lease")
	require.NoError(t, lives.Close())
	assert.Empty(t, left(t, lives, configMapKind, leaseKind))
}

// A process that died has left the helpers of its copies. A volume of its that a living driver copies to is that one's, too.
func TestClusterSweepTakesTheHelpersOfTheDead(t *testing.T) {
	namespace := uniqueNamespace()
	lasting := func(cfg *Config) { cfg.HelperIdle = time.Hour }
	dead, _ := onCluster(t, namespace, lasting)
	lives, _ := onCluster(t, namespace, lasting)
	sweeper, _ := onCluster(t, namespace, nil)
	later(lives, time.Hour)
	later(sweeper, time.Hour)
	put := func(d *Driver, volume string) {
		require.NoError(t, d.CopyToVolume(t.Context(), volume, bytes.NewReader(entries(t, tar.Header{Name: "of " + d.instance}))))
	}
	for _, volume := range []string{"dead's", "taken up"} {
		newVolume(t, dead, volume)
		put(dead, volume)
	}
	swept := []string{"PersistentVolumeClaim/" + dead.namespace + "/" + dead.templates.ClaimName("dead's")}
	for _, helper := range helperPods(t, dead) {
		swept = append(swept, refOf(helper).String())
	}
	require.Len(t, swept, 3)
	put(lives, "taken up")
	require.NoError(t, lives.presence.renew(t.Context()))

	removed, err := sweeper.Sweep(long(t), 30*time.Minute)
	require.NoError(t, err)
	assert.ElementsMatch(t, swept, removed)
	require.Len(t, helperPods(t, lives), 1)
	assert.Equal(t, lives.instance, makerOf(helperPods(t, lives)[0]))
	stream, err := lives.CopyFromVolume(t.Context(), "taken up")
	require.NoError(t, err)
	found := archived(t, stream)
	assert.Contains(t, found, "of "+dead.instance)
	assert.Contains(t, found, "of "+lives.instance)
}
