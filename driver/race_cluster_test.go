package driver

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/orchestra-ci/orchestra-k8s/internal/testcluster"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// Twenty callers in four processes ask for one task at the same time: they all get the same pod.
func TestClusterCallersInManyProcessesGetOnePod(t *testing.T) {
	const processes, callers = 4, 5
	raced := sleeper("raced")
	raced.Mounts = orchestra.Mounts{{Name: "data", Path: "data"}}
	l := life{Kubeconfig: testcluster.Kubeconfig(t), Namespace: uniqueNamespace(), Task: raced, Callers: callers}
	d, _ := onCluster(t, l.Namespace, nil)
	reports := make([]report, processes)
	var racing sync.WaitGroup
	for i := range reports {
		racing.Go(func() { reports[i] = l.lead(t) })
	}
	racing.Wait()
	first := reports[0].UIDs[0]
	for _, got := range reports {
		assert.Equal(t, []string{first, first, first, first, first}, got.UIDs)
	}
	assert.Len(t, left(t, d), 2, "a pod and a claim")
	found, err := d.findWorkload(t.Context(), d.templates.WorkloadName("raced"))
	if assert.NoError(t, err) {
		assert.Equal(t, first, string(found.GetUID()))
	}
}
