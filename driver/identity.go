package driver

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// podID is one pod. Its name alone is not: when the pod is gone another one may take it, and a driver that is cut off from its watch does
// not hear of that.
type podID struct {
	name string
	uid  types.UID
}

var errNamesake = errors.New("the pod is gone, and another one has its name now")

// confirm makes sure of what was opened by the pod's name, as logs, attach and exec know no other way: that it was opened in this pod. It is
// asked after the opening, since a pod that is there then has had the name all the time. It asks once.
func (d *Driver) confirm(ctx context.Context, pod podID) error {
	live, err := d.typed.CoreV1().Pods(d.namespace).Get(ctx, pod.name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("making sure which pod it is: %w", err)
	}
	if live.UID != pod.uid {
		return fmt.Errorf("%s: %w", podRef(d.namespace, pod.name), errNamesake)
	}
	return nil
}
