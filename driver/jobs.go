package driver

import (
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/render"
)

// makesJobs says whether the workload of a set's tasks is a Job. A set whose template refuses the plainest of tasks may.
func makesJobs(templates *render.Set) bool {
	plainest, err := templates.Task(orchestra.Task{ID: "plainest", Image: "busybox"}, render.RoleTask)
	return err != nil || plainest.Workload.GroupVersionKind() == jobKind
}

// mayNot says whether err means no more than that a driver that makes Pods has no permission to look for Jobs, which other
// templates may have made: a Role without them is enough for it.
func (d *Driver) mayNot(kind schema.GroupVersionKind, err error) bool {
	return kind == jobKind && !d.makesJobs && apierrors.IsForbidden(err)
}
