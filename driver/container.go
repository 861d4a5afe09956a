package driver

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// container is the handle of one task's workload. It holds no state that could become stale: everything that changes is
// asked of the watch or of the API server.
type container struct {
	d     *Driver
	id    string // the workload's name
	uid   types.UID
	kind  string        // Pod or Job
	kinds []render.Kind // of the task's extras
}

// ID is the name of the workload, and with it of the Pod or the Job.
func (c *container) ID() string { return c.id }
