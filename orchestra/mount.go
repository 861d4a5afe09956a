package orchestra

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"strings"
)

// Mounts are a task's volumes. Names are unique, and so are paths.
type Mounts []Mount

// Mount makes a volume visible to a task.
type Mount struct {
	// Name is the volume's, as in Driver.CreateVolume. A volume that does not exist yet is created.
	// Tasks of one namespace that mount the same name share its data. Required.
	Name string
	// Path is where the task sees the volume: always under the task's root, so that "data" and "/data" are the same path.
	// In the default working directory "./data" is the volume. It is not the task's root itself. "" means VolumePath(Name).
	Path string
	// SizeGB is the size in GiB of a volume that has to be created; 0 means the driver's default.
	SizeGB int
}

// Target is where the task sees the volume: Path, or without one the volume's own.
func (m Mount) Target() string { return cmp.Or(m.Path, VolumePath(m.Name)) }

const (
	maxVolumePath = 200 // in bytes; a name in a directory may have 255
	cutVolumePath = 130 // of a longer one are kept, before the hash
)

// VolumePath is where a task sees a volume, relative to its root, when the mount leaves its Path empty. It is one directory, with the
// volume's name if that is made of ASCII letters, digits, "_", "." and "-", and begins with none of the last two. In other names all else
// is written as %XX, byte by byte, and the end of what would be too long as a hash. Two names never share a path.
func VolumePath(name string) string {
	var path strings.Builder
	for i := range len(name) {
		if c := name[i]; isPlain(c) && (i > 0 || c != '.' && c != '-') {
			path.WriteByte(c)
		} else {
			fmt.Fprintf(&path, "%%%02X", c)
		}
	}
	if path.Len() <= maxVolumePath {
		return path.String()
	}
	return fmt.Sprintf("%s~%x", path.String()[:cutVolumePath], sha256.Sum256([]byte(name))) // no short path has a "~"
}

func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '-'
}
