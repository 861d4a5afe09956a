package driver

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// selector finds every object of the driver's Orchestra namespace.
func (d *Driver) selector() string { return d.templates.Selector() }

// extrasSelector finds the extra objects of a workload's task, by the labels that they share with it.
func extrasSelector(workload metav1.Object) string {
	shared := labels.Set{}
	for _, key := range []string{render.KeyNamespace, render.KeyTask, render.KeyRole} {
		shared[key] = workload.GetLabels()[key]
	}
	return shared.String()
}

// isOfTask says whether obj is of the task; the raw annotation proves what the label found.
func (d *Driver) isOfTask(obj metav1.Object, task string) bool {
	raw, ok := obj.GetAnnotations()[render.KeyTask]
	return ok && raw == task
}
