package driver

import (
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// container is the handle of one task's workload. It holds no state that could become stale: everything that changes is
// asked of the watch or of the API server.
type container struct {
	d    *Driver
	id   string // the workload's name
	uid  types.UID
	kind string // Pod or Job

	ref     ref
	task    string                    // raw task ID
	created metav1.Time               // by the server's clock
	kinds   []schema.GroupVersionKind // of the task's extra objects
	extras  string                    // selector that finds them
	head    logHead                   // how its log began when it was first read: never stale
	cleaned atomic.Bool               // Cleanup has removed everything, for good
}

// ID is the name of the workload, the Pod or the Job.
func (c *container) ID() string { return c.id }

// pod is the pod of a workload that is one.
func (c *container) pod() podID { return podID{c.id, c.uid} }
