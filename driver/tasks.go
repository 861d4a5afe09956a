package driver

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// TaskInfo is what the cluster shows of one task at one moment: its Status, and where and when it runs. It is a value.
type TaskInfo struct {
	ID        string      `json:"id"`        // Task.ID
	Container string      `json:"container"` // Container.ID
	Role      render.Role `json:"role"`      // what it is for
	Kind      string      `json:"kind"`      // Pod or Job
	Namespace string      `json:"namespace"` // of Kubernetes
	Pod       string      `json:"pod,omitempty"`
	Node      string      `json:"node,omitempty"`
	Image     string      `json:"image,omitempty"`

	Done     bool   `json:"done"`
	ExitCode int    `json:"exitCode"`          // -1 while it is not done
	Reason   string `json:"reason"`            // one of the Reason constants
	Message  string `json:"message,omitempty"` // what the cluster said
	Hint     string `json:"hint,omitempty"`    // what to change

	// By the cluster's clocks, to the second. Zero: it has not happened.
	Created   time.Time `json:"created,omitzero"`
	Scheduled time.Time `json:"scheduled,omitzero"`
	Started   time.Time `json:"started,omitzero"`  // the task's container
	Finished  time.Time `json:"finished,omitzero"` // the task's container

	uid types.UID // of the workload
}

func (i TaskInfo) withStatus(s status) TaskInfo {
	i.Done, i.ExitCode, i.Reason, i.Message = s.done, s.exitCode, s.reason, s.message
	if hint := advice[s.reason]; hint != "" && strings.HasSuffix(s.message, hint) {
		i.Message, i.Hint = strings.TrimSpace(strings.TrimSuffix(s.message, hint)), hint
	}
	return i
}

// Tasks lists the tasks and sandboxes of the driver's Orchestra namespace, whoever runs them, in the order of their IDs. It costs one
// request for each 500 pods, and as many for Jobs where the driver may list those.
func (d *Driver) Tasks(ctx context.Context) ([]TaskInfo, error) {
	ctx, leave, err := d.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing tasks: %w", err)
	}
	defer leave()
	table := newTaskTable(d)
	if _, err := d.podTableFeed(table).relist(ctx); err != nil {
		return nil, fmt.Errorf("listing pods in namespace %q: %w", d.namespace, closedOr(ctx, err))
	}
	if _, err := d.jobTableFeed(table).relist(ctx); err != nil && !d.mayNot(jobKind, err) {
		return nil, fmt.Errorf("listing jobs in namespace %q: %w", d.namespace, closedOr(ctx, err))
	}
	return table.tasks(), nil
}
