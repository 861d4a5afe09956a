package orchestra

import (
	"fmt"
	"path"
	"strings"
)

// CheckSymlink returns an error if a symlink of an archive may lead out of the volume at any point of its way. name is the link's own clean
// path in the volume, on which no other link may lie. It judges by the text alone, so a ".." that follows a name is refused: that name may
// be a link itself, and its parent another directory than the text says.
func CheckSymlink(name, target string) error {
	if path.IsAbs(target) {
		return fmt.Errorf("it links to %q, which lies outside of the volume", target)
	}
	depth, named := strings.Count(name, "/"), false
	for element := range strings.SplitSeq(target, "/") {
		switch element {
		case "", ".":
		case "..":
			if named {
				return fmt.Errorf("it links to %q, where \"..\" follows a name, which may be a link that leads outside of the volume", target)
			}
			if depth--; depth < 0 {
				return fmt.Errorf("it links to %q, which lies outside of the volume", target)
			}
		default:
			named = true
		}
	}
	return nil
}
