package driver

import "slices"

// Reasons that a status can have. They are stable: programs may branch on them. Each comes with a message that quotes the
// cluster and says what to change.
const (
	// While the task is under way.
	ReasonScheduling  = "Scheduling"       // no node has been found yet
	ReasonStarting    = "Starting"         // on a node; images, volumes or init containers are not ready yet
	ReasonRunning     = "Running"          // the task's container runs
	ReasonStopping    = "Stopping"         // the pod is being deleted
	ReasonStdinOpen   = "StdinUnconfirmed" // ended with exit code 0; whether stdin arrived whole is being settled
	ReasonJobRetrying = "Retrying"         // this pod of the Job failed, and the Job may start another

	// After the task has run.
	ReasonCompleted        = "Completed"        // exit code 0: the only success
	ReasonError            = "Error"            // the task's own exit code is not 0
	ReasonOOMKilled        = "OOMKilled"        // a process of the task was killed for want of memory; never exit code 0
	ReasonStdinIncomplete  = "StdinIncomplete"  // exit code 0, but of a task that was given a cut stdin
	ReasonDeadlineExceeded = "DeadlineExceeded" // the deadline activeDeadlineSeconds has passed
	ReasonUnknown          = "Unknown"          // it ended, and the node does not know how

	// The task did not start. Under way, these say what it waits for; done, what it waited for in vain.
	ReasonImageNameInvalid      = "ImageNameInvalid"      // not a reference; done at once
	ReasonImageNotFound         = "ImageNotFound"         // the registry has no such image
	ReasonImageForbidden        = "ImageForbidden"        // the registry wants (other) credentials
	ReasonRegistryUnavailable   = "RegistryUnavailable"   // the registry cannot be reached, or asks to come back later
	ReasonImagePull             = "ImagePullFailed"       // any other failed pull
	ReasonConfigurationMissing  = "ConfigurationMissing"  // a Secret, a ConfigMap or a key of one does not exist
	ReasonConfigurationInvalid  = "ConfigurationInvalid"  // the node refuses the container's configuration
	ReasonCommandNotFound       = "CommandNotFound"       // exit code 127, as a shell and Docker have it
	ReasonCommandNotExecutable  = "CommandNotExecutable"  // exit code 126, as a shell and Docker have it
	ReasonStartFailed           = "StartFailed"           // the container runtime could not start it
	ReasonInitContainerFailed   = "InitContainerFailed"   // the message has its name, exit code and last words
	ReasonInsufficientResources = "InsufficientResources" // no node has the CPU, memory, pods, ... that it requests
	ReasonAffinityMismatch      = "AffinityMismatch"      // no node matches node selector, affinity or spread
	ReasonTaintNotTolerated     = "TaintNotTolerated"     // every fitting node has a taint
	ReasonVolumeUnavailable     = "VolumeUnavailable"     // a claim is not bound, or a volume cannot be mounted
	ReasonUnschedulable         = "Unschedulable"         // no node, for another reason or for several
	ReasonQuotaExceeded         = "QuotaExceeded"         // a ResourceQuota of the namespace is used up
	ReasonAdmissionDenied       = "AdmissionDenied"       // Pod Security, a policy or a webhook said no
	ReasonManifestInvalid       = "ManifestInvalid"       // the API server does not accept the rendered object

	// The task was ended from outside.
	ReasonDeleted      = "Deleted"      // the pod was deleted before its task ended
	ReasonEvicted      = "Evicted"      // by its node under pressure, or through the eviction API (a drain)
	ReasonPreempted    = "Preempted"    // in favour of a pod of higher priority
	ReasonNodeLost     = "NodeLost"     // its node is gone or does not answer
	ReasonNodeShutdown = "NodeShutdown" // its node was shut down
	ReasonNodeRejected = "NodeRejected" // its node refused it after scheduling; the task never ran
)

// Exit codes where Kubernetes has none, or one that means something else.
const (
	exitNone          = 125 // no exit code exists; the task's own is never hidden behind it
	exitNotExecutable = 126
	exitNotFound      = 127
	exitKilled        = 137 // by SIGKILL; also OOMKilled, where the kernel killed only a child and the task said 0
	exitUnderWay      = -1  // not done
)

// advice says what to change: one sentence for each reason that calls for one.
var advice = map[string]string{
	ReasonError:                 "Read the task's log.",
	ReasonOOMKilled:             "Raise Task.ContainerLimits.Memory, or let the task use less memory.",
	ReasonStdinIncomplete:       "Clean the task up and run it again.",
	ReasonStdinOpen:             "",
	ReasonDeadlineExceeded:      "Raise the value activeDeadlineSeconds, or let the task end sooner.",
	ReasonUnknown:               "Treat the task as not completed; whether it had an effect cannot be told.",
	ReasonImageNameInvalid:      "Correct Task.Image.",
	ReasonImageNotFound:         "Correct Task.Image, or push the image.",
	ReasonImageForbidden:        "Correct Task.Image, or name a Secret with the registry's credentials in the value imagePullSecrets.",
	ReasonRegistryUnavailable:   "Check that the node can reach the registry.",
	ReasonImagePull:             "Check Task.Image and the registry.",
	ReasonConfigurationMissing:  "Create what is missing, or correct its name in the values or templates.",
	ReasonConfigurationInvalid:  "Correct what the message names, in the task or in the templates.",
	ReasonCommandNotFound:       "Correct Task.Command: its first item must exist in the image.",
	ReasonCommandNotExecutable:  "Correct Task.Command: its first item must be an executable file in the image.",
	ReasonStartFailed:           "Check Task.Command, User, WorkDir and Mounts against the image.",
	ReasonInitContainerFailed:   "Correct the init container in the values or templates.",
	ReasonInsufficientResources: "Lower Task.ContainerLimits, or add nodes.",
	ReasonAffinityMismatch:      "Change the values nodeSelector, affinity or topologySpreadConstraints, or label a node.",
	ReasonTaintNotTolerated:     "Add to the value tolerations, or remove the taint from a node.",
	ReasonVolumeUnavailable:     "Check the PersistentVolumeClaims of the task's mounts and their storage class.",
	ReasonUnschedulable:         "Change what the message names (nodeSelector, affinity, tolerations, ...) in the values or templates.",
	ReasonQuotaExceeded:         "Wait for other tasks to end, lower the task's limits, or raise the quota.",
	ReasonAdmissionDenied:       "Change the task or the templates as the message says.",
	ReasonManifestInvalid:       "Correct the field in the templates or in the task.",
	ReasonDeleted:               "Find out who deleted the pod; clean the task up and run it again.",
	ReasonEvicted:               "Clean the task up and run it again; if the node was short of something, set requests that cover the task's use.",
	ReasonPreempted:             "Give the task a priority class that is not preempted.",
	ReasonNodeLost:              "The task may still run there: make sure that it does not before it runs again.",
	ReasonNodeShutdown:          "Clean the task up and run it again.",
	ReasonNodeRejected:          "The task never ran: clean it up and run it again.",
}

// quickReasons are those that waiting seldom heals: a task that waits for one fails after the short grace.
var quickReasons = []string{
	ReasonImageNotFound, ReasonImageForbidden, ReasonConfigurationMissing, ReasonConfigurationInvalid,
	ReasonCommandNotFound, ReasonCommandNotExecutable, ReasonStartFailed,
}

func isQuick(reason string) bool { return slices.Contains(quickReasons, reason) }
