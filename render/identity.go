package render

// Labels and annotations of every object. A label holds the sanitized value, for selection; the annotation of the same
// key holds the raw one, for the proof that an object is really ours.
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	ManagedBy      = "orchestra"

	KeyNamespace = "orchestra.namespace" // label and annotation
	KeyTask      = "orchestra.task"      // label and annotation; workloads, their pods and extras
	KeyVolume    = "orchestra.volume"    // label and annotation; claims
	KeyRole      = "orchestra.role"      // label; see Role

	AnnotationDigest = "orchestra.digest" // of the rendered task
	AnnotationKinds  = "orchestra.kinds"  // the kinds of the task's extras, so that a later process finds them
	AnnotationStdin  = "orchestra.stdin"  // of a workload that is given stdin; it begins as StdinPending

	StdinPending = "pending" // nothing of stdin was sent yet

	TaskContainer = "task" // name of the task's container
)

// Role says what a workload is for.
type Role string

// The roles.
const (
	RoleTask    Role = "task"
	RoleSandbox Role = "sandbox"
	RoleCopy    Role = "copy"
)

// Kind names a kind of object together with the version of the API that it is of.
type Kind struct {
	APIVersion string
	Kind       string
}

// String is the kind as AnnotationKinds lists it: "v1/Secret", "networking.k8s.io/v1/NetworkPolicy".
func (k Kind) String() string { return k.APIVersion + "/" + k.Kind }
