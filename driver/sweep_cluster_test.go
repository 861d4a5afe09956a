package driver

import (
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
