package sanitize

// Label returns a DNS label for the tuple of parts: at most 63 of a-z, 0-9 and '-', beginning and ending
// with a letter or digit (RFC 1123, IsDNS1123Label in k8s.io/apimachinery/pkg/util/validation).
//
// It fits workloads, whose name is also the pod's hostname and a Job's label, and volumes within a pod. It
// may begin with a digit.
func Label(parts ...string) string {
	return label.sanitize(parts)
}

// Subdomain returns a DNS subdomain for the tuple of parts: at most 253 of a-z, 0-9, '-' and '.', where
// every piece between dots begins and ends with a letter or digit (RFC 1123, IsDNS1123Subdomain in
// k8s.io/apimachinery/pkg/util/validation).
//
// It fits objects whose name nothing else is derived from, such as a PersistentVolumeClaim.
func Subdomain(parts ...string) string {
	return subdomain.sanitize(parts)
}

// LabelValue returns the value of a label for the tuple of parts: at most 63 of A-Z, a-z, 0-9, '-', '_' and
// '.', beginning and ending with a letter or digit (IsValidLabelValue in
// k8s.io/apimachinery/pkg/util/validation).
//
// It is never empty. Kubernetes allows an empty value, but whoever reads one from a map of labels cannot
// tell it from a missing label.
func LabelValue(parts ...string) string {
	return labelValue.sanitize(parts)
}
