package driver

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// progressOf names the steps that a pod has made on its way to the task's start. What a kubelet only tries again (a failing
// pull, a sidecar that crashes) changes nothing here.
func progressOf(pod *corev1.Pod) string {
	var steps strings.Builder
	if sandbox := podCondition(pod, corev1.PodReadyToStartContainers); sandbox != nil && sandbox.Status == corev1.ConditionTrue {
		steps.WriteString("sandbox ")
	}
	for i := range pod.Status.InitContainerStatuses {
		if step := initStep(pod, &pod.Status.InitContainerStatuses[i]); step != "" {
			fmt.Fprintf(&steps, "init %d %s ", i, step)
		}
	}
	for i := range pod.Status.ContainerStatuses {
		if pod.Status.ContainerStatuses[i].ImageID != "" {
			fmt.Fprintf(&steps, "image %d ", i)
		}
	}
	return steps.String()
}

func initStep(pod *corev1.Pod, init *corev1.ContainerStatus) string {
	switch {
	case isSidecar(pod, init.Name):
		if init.Started != nil && *init.Started && init.RestartCount == 0 {
			return "started"
		}
	case init.State.Running != nil:
		return "running"
	case init.State.Terminated != nil:
		return "ended"
	}
	return ""
}
