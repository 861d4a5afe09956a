package orchestra

import "io"

// Task is one program to run in one container. Its strings are literal: no driver expands $(NAME), ${NAME} or any
// other syntax in them, and the process sees them byte for byte. Nothing of the caller's environment reaches the task.
type Task struct {
	// ID names the task and is unique within the driver's namespace; running the same ID again returns the same
	// container. Required. Any string will do that is valid UTF-8 without NUL, of any length that the backend can store.
	ID string
	// Image is the container image, such as "busybox", "busybox:1.37" or "registry.example:5000/team/tool@sha256:...".
	// Required.
	Image string
	// Command is the program and its arguments. It is not run by a shell. Empty means the image's own entrypoint.
	Command []string
	// Env holds the environment variables that the task gets in addition to those of its image. See Validate for names.
	Env map[string]string
	// Mounts are the volumes that the task sees.
	Mounts Mounts
	// ContainerLimits caps what the task may use.
	ContainerLimits ContainerLimits
	// Privileged gives the task all the rights of the host's root user, where the backend allows it.
	Privileged bool
	// User runs the task as "root", as "uid" or as "uid:gid", see ParseUser. "" means the image's own user.
	User string
	// WorkDir is the working directory. A relative one lies under the task's root, an absolute one in the container.
	// "" means the task's root, a directory that the driver chooses and that holds the mounts.
	WorkDir string
	// Stdin is read to its end and becomes the task's standard input, whole: if the reader fails, or not all of it can be
	// delivered to a task that still reads, the task is no success. The driver reads in the background, also after RunContainer
	// has returned, and stops when the task ends; it cannot interrupt a Read that blocks. It does not close the reader.
	// nil means no standard input: the task sees its end at once. If RunContainer finds an existing container whose input has
	// arrived or is on its way, Stdin is not read; one that was left without by a caller that died may get it.
	Stdin io.Reader
}

// ContainerLimits caps a task. 0 means no limit; negative values are refused.
type ContainerLimits struct {
	// CPU is in Docker's CPU shares: 1024 are one CPU.
	CPU int64
	// Memory is in bytes.
	Memory int64
}
