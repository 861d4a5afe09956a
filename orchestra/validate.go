package orchestra

import (
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Validate reports everything that is wrong with a task as one *InvalidError, in a fixed order. It changes nothing and
// asks nobody. Drivers call it before they create anything. namedUsers are names that User may hold besides those
// that ParseUser knows, for drivers that can look names up.
//
// What is accepted is what Kubernetes 1.37 accepts, and no other driver needs less:
//   - ID, Image and a mount's Name are required; all strings are valid UTF-8 without NUL, which no process can receive.
//   - Image is a reference as the kubelet parses it (pkg/util/parsers): [domain[:port]/]path[:tag][@digest].
//   - Env names are printable ASCII without "=" (apimachinery's validation.IsRelaxedEnvVarName, in force since 1.34).
//   - Mounts have unique names and, once cleaned, unique paths; no path is the task's root or climbs out of it with "..",
//     and neither does WorkDir.
//   - Sizes and limits are not negative, and a size fits into 63 bits of bytes.
func (t Task) Validate(namedUsers ...string) error {
	var problems fieldErrors
	problems.checkRequired("ID", t.ID)
	if problems.checkRequired("Image", t.Image) {
		if err := checkImage(t.Image); err != nil {
			problems.add("Image", t.Image, "%v", err)
		}
	}
	for i, arg := range t.Command {
		problems.checkText(fmt.Sprintf("Command[%d]", i), arg)
	}
	problems.checkEnv(t.Env)
	problems.checkMounts(t.Mounts)
	problems.checkNotNegative("ContainerLimits.CPU", t.ContainerLimits.CPU)
	problems.checkNotNegative("ContainerLimits.Memory", t.ContainerLimits.Memory)
	problems.checkUser(t.User, namedUsers)
	if problems.checkText("WorkDir", t.WorkDir) && climbsOut(t.WorkDir) {
		problems.add("WorkDir", t.WorkDir, `climbs out with ".."`)
	}
	return problems.orNil("task", t.ID)
}

// ValidateVolume is Validate for the arguments of Driver.CreateVolume.
func ValidateVolume(name string, size int) error {
	var problems fieldErrors
	problems.checkRequired("Name", name)
	problems.checkNotNegative("Size", int64(size))
	return problems.orNil("volume", name)
}

// checkText reports whether a string can be passed on to a process at all, and adds the problem if not.
func (f *fieldErrors) checkText(field, value string) bool {
	problem := textProblem(value)
	if problem != "" {
		f.add(field, value, "%s", problem)
	}
	return problem == ""
}

// checkRequired is checkText for strings that must not be empty.
func (f *fieldErrors) checkRequired(field, value string) bool {
	if value == "" {
		f.add(field, "", "is required")
		return false
	}
	return f.checkText(field, value)
}

func textProblem(s string) string {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return fmt.Sprintf("has a NUL at byte %d", i)
	}
	if !utf8.ValidString(s) {
		return fmt.Sprintf("is not valid UTF-8 at byte %d", invalidAt(s))
	}
	return ""
}

// invalidAt returns where the first byte is that is not UTF-8, or len(s).
func invalidAt(s string) int {
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			return i
		}
	}
	return len(s)
}

func (f *fieldErrors) checkNotNegative(field string, n int64) {
	if n < 0 {
		f.add(field, fmt.Sprint(n), "is negative")
	}
}

// checkEnv never shows a value, as it may be a secret.
func (f *fieldErrors) checkEnv(env map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		field := "Env[" + shortQuote(name) + "]"
		switch {
		case name == "":
			f.addSecret(field, "the name is empty")
		case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' || r == '=' }):
			f.addSecret(field, `the name may hold only printable ASCII characters other than "="`)
		}
		if problem := textProblem(env[name]); problem != "" {
			f.addSecret(field, "the value %s", problem)
		}
	}
}

func (f *fieldErrors) checkMounts(mounts Mounts) {
	names, paths := map[string]int{}, map[string]int{}
	for i, mount := range mounts {
		field := fmt.Sprintf("Mounts[%d]", i)
		if f.checkRequired(field+".Name", mount.Name) {
			f.checkUnique(names, i, mount.Name, field+".Name", mount.Name)
		}
		if target := mount.Target(); target != "" && f.checkText(field+".Path", target) {
			f.checkMountPath(paths, i, target)
		}
		f.checkSizeGB(field+".SizeGB", int64(mount.SizeGB))
	}
}

// maxSizeGB is what a number of bytes can hold: more would overflow, and so ask for another size without a word.
const maxSizeGB = math.MaxInt64 >> 30

func (f *fieldErrors) checkSizeGB(field string, n int64) {
	f.checkNotNegative(field, n)
	if n > maxSizeGB {
		f.add(field, fmt.Sprint(n), "is above %d", int64(maxSizeGB))
	}
}

func (f *fieldErrors) checkMountPath(paths map[string]int, i int, mountPath string) {
	field := fmt.Sprintf("Mounts[%d].Path", i)
	cleaned := path.Clean("/" + mountPath)
	switch {
	case climbsOut(mountPath):
		f.add(field, mountPath, `climbs out with ".."`)
	case cleaned == "/":
		f.add(field, mountPath, "is the task's root itself")
	default:
		f.checkUnique(paths, i, cleaned, field, mountPath)
	}
}

// checkUnique remembers which mount has a key first.
func (f *fieldErrors) checkUnique(seen map[string]int, i int, key, field, value string) {
	if first, ok := seen[key]; ok {
		f.add(field, value, "is taken by Mounts[%d]", first)
		return
	}
	seen[key] = i
}

// climbsOut reports whether a path leaves its root at any point on its way, even if it comes back.
func climbsOut(p string) bool {
	depth := 0
	for element := range strings.SplitSeq(p, "/") {
		switch element {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return true
			}
		default:
			depth++
		}
	}
	return false
}

func (f *fieldErrors) checkUser(user string, named []string) {
	if !f.checkText("User", user) || slices.Contains(named, user) {
		return
	}
	if _, err := ParseUser(user); err != nil {
		f.add("User", user, `is not "root", "uid" or "uid:gid" with numbers from 0 to 2147483647`)
	}
}
