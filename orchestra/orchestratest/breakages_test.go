package orchestratest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"strings"
	"sync/atomic"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

var callCount atomic.Int64

// breakage is one way to break a driver, and the rule that must notice it.
type breakage struct {
	name, rule string
	driver     broken
}

func tasks(change func(*orchestra.Task)) broken {
	return broken{task: func(task orchestra.Task) orchestra.Task {
		task.Env, task.Mounts = maps.Clone(task.Env), append(orchestra.Mounts(nil), task.Mounts...)
		task.Command = append([]string(nil), task.Command...)
		change(&task)
		return task
	}}
}

func containers(c brokenContainer) broken { return broken{container: c.with()} }

var breakages = []breakage{
	{"exit code is always 0", "exit codes arrive", containers(brokenContainer{status: func(s orchestra.ContainerStatus) orchestra.ContainerStatus {
		return fixedStatus{s.IsDone(), 0}
	}})},
	{"exit code is cut to 7 bits", "a killed child is 137", containers(brokenContainer{status: func(s orchestra.ContainerStatus) orchestra.ContainerStatus {
		return fixedStatus{s.IsDone(), s.ExitCode() & 127}
	}})},
	{"128 is taken for a success", "a task that cannot start fails", containers(brokenContainer{status: func(s orchestra.ContainerStatus) orchestra.ContainerStatus {
		return fixedStatus{s.IsDone(), s.ExitCode() % 128}
	}})},
	{"125 is taken for a success", "a stdin that fails is no success", containers(brokenContainer{status: func(s orchestra.ContainerStatus) orchestra.ContainerStatus {
		return fixedStatus{s.IsDone(), s.ExitCode() % 125}
	}})},
	{"running is done", "a running task is not done", containers(brokenContainer{status: func(s orchestra.ContainerStatus) orchestra.ContainerStatus {
		return fixedStatus{true, s.ExitCode()}
	}})},
	{"done is forgotten", "exit codes arrive", containers(brokenContainer{status: func(s orchestra.ContainerStatus) orchestra.ContainerStatus {
		return fixedStatus{false, s.ExitCode()}
	}})},

	{"the last line is lost", "logs are complete after the end", containers(brokenContainer{logs: editedLogs(func(text string) string {
		return text[:strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n")+1]
	})})},
	{"a final newline is added", "logs are complete after the end", containers(brokenContainer{logs: editedLogs(func(text string) string {
		return strings.TrimSuffix(text, "\n") + "\n"
	})})},
	{"logs are doubled", "both streams arrive once", containers(brokenContainer{logs: editedLogs(func(text string) string { return text + text })})},
	{"logs are doubled", "follow may begin before the start", containers(brokenContainer{logs: editedLogs(func(text string) string { return text + text })})},
	{"merged output goes to both writers", "both streams arrive once", containers(brokenContainer{logs: toBoth})},
	{"stderr is dropped", "both streams arrive once", containers(brokenContainer{
		logs: func(ctx context.Context, c orchestra.Container, stdout, _ io.Writer, follow bool) error {
			return c.Logs(ctx, stdout, io.Discard, follow)
		},
	})},
	{"an empty log is an error", "an empty log is empty", containers(brokenContainer{logs: editedLogs(func(string) string { return "no output\n" })})},
	{"logs are used up", "logs can be read again", containers(brokenContainer{logs: logsOnce()})},
	{"write errors are swallowed", "errors of a writer are returned", containers(brokenContainer{
		logs: func(ctx context.Context, c orchestra.Container, stdout, stderr io.Writer, follow bool) error {
			_ = c.Logs(ctx, stdout, stderr, follow)
			return nil
		},
	})},
	{"follow does not follow", "follow delivers while the task runs", containers(brokenContainer{
		logs: func(ctx context.Context, c orchestra.Container, stdout, stderr io.Writer, _ bool) error {
			return c.Logs(ctx, stdout, stderr, false)
		},
	})},
	{"follow delivers at the end", "follow delivers while the task runs", containers(brokenContainer{logs: editedLogs(strings.Clone)})},
	{"every read follows", "logs of a running task", containers(brokenContainer{
		logs: func(ctx context.Context, c orchestra.Container, stdout, stderr io.Writer, _ bool) error {
			return c.Logs(ctx, stdout, stderr, true)
		},
	})},
	{"only one may follow", "many may follow", containers(brokenContainer{logs: logsOnce()})},
	{"follow does not look at its context", "follow ends with its context", containers(brokenContainer{
		logs: func(ctx context.Context, c orchestra.Container, stdout, stderr io.Writer, follow bool) error {
			return c.Logs(context.WithoutCancel(ctx), stdout, stderr, follow)
		},
	})},

	{"environment leaks", "nothing leaks from the caller", tasks(func(task *orchestra.Task) {
		env := map[string]string{}
		for _, variable := range os.Environ() {
			name, value, _ := strings.Cut(variable, "=")
			env[name] = value
		}
		maps.Copy(env, task.Env)
		task.Env = env
	})},
	{"env is expanded", "env values arrive byte for byte", tasks(func(task *orchestra.Task) {
		for name, value := range task.Env {
			task.Env[name] = strings.ReplaceAll(value, "$$", "$")
		}
	})},
	{"empty env is dropped", "env values arrive byte for byte", tasks(func(task *orchestra.Task) {
		maps.DeleteFunc(task.Env, func(_, value string) bool { return value == "" })
	})},
	{"odd env names are dropped", "unusual env names arrive", tasks(func(task *orchestra.Task) {
		maps.DeleteFunc(task.Env, func(name, _ string) bool { return strings.ContainsAny(name, ". ") })
	})},
	{"arguments are trimmed", "command arrives byte for byte", tasks(func(task *orchestra.Task) {
		for i, arg := range task.Command {
			task.Command[i] = strings.TrimSpace(arg)
		}
	})},
	{"mounts are ignored", "mounts lie in the default working directory", tasks(func(task *orchestra.Task) { task.Mounts = nil })},
	{"the working directory is ignored", "an absolute working directory is the container's", tasks(func(task *orchestra.Task) { task.WorkDir = "" })},
	{"the working directory is ignored", "a relative working directory lies under the task's root", tasks(func(task *orchestra.Task) { task.WorkDir = "" })},
	{"the task starts at the root", "a task starts in a directory that it can use", tasks(func(task *orchestra.Task) { task.WorkDir = "/proc" })},

	{"volumes are private", "two tasks share a volume", tasks(func(task *orchestra.Task) {
		for i := range task.Mounts {
			task.Mounts[i].Name += task.ID
		}
	})},
	{"mounts have names of their own", "a created volume is the mounted one", broken{volume: func(v orchestra.Volume) orchestra.Volume { return renamed{v} }}},
	{"volumes have no path", "a volume's path is where tasks see it", broken{volume: func(v orchestra.Volume) orchestra.Volume { return renamed{v} }}},
	{"volumes stay", "cleaning a volume up removes its data", broken{volume: func(v orchestra.Volume) orchestra.Volume { return unremovable{v} }}},
	{"names of volumes collide", "names of volumes are free", tasks(func(task *orchestra.Task) {
		for i := range task.Mounts {
			task.Mounts[i].Name = strings.NewReplacer("/", "-", " ", "-", "#", "-").Replace(strings.ToLower(task.Mounts[i].Name))
		}
	})},

	{"creating again empties", "creating a volume again keeps it",
		broken{create: func(ctx context.Context, d orchestra.Driver, name string, size int) (orchestra.Volume, error) {
			old, err := d.CreateVolume(ctx, name, size)
			if err == nil {
				err = old.Cleanup(ctx)
			}
			if err != nil {
				return nil, err
			}
			return d.CreateVolume(ctx, name, size)
		}},
	},

	{"every call is a new task", "running again returns the same container", tasks(func(task *orchestra.Task) {
		task.ID += strings.Repeat("x", int(callCount.Add(1)))
	})},
	{"IDs collide", "different IDs are different tasks", tasks(func(task *orchestra.Task) {
		task.ID = strings.NewReplacer("/", "-", "_", "-").Replace(strings.ToLower(task.ID))
	})},
	{"stdin is read at once", "running again does not read stdin",
		broken{run: func(ctx context.Context, d orchestra.Driver, task orchestra.Task) (orchestra.Container, error) {
			if task.Stdin != nil {
				data, err := io.ReadAll(task.Stdin)
				if err != nil {
					return nil, err
				}
				task.Stdin = bytes.NewReader(data)
			}
			return d.RunContainer(ctx, task)
		}},
	},
	{"an end without reading is a failure", "stdin may be ignored", containers(brokenContainer{status: func(s orchestra.ContainerStatus) orchestra.ContainerStatus {
		return fixedStatus{s.IsDone(), 1}
	}})},
	{"the task dies with the call", "the context of RunContainer bounds only the call",
		broken{run: func(ctx context.Context, d orchestra.Driver, task orchestra.Task) (orchestra.Container, error) {
			c, err := d.RunContainer(ctx, task)
			if err == nil {
				context.AfterFunc(ctx, func() { _ = c.Cleanup(context.Background()) })
			}
			return c, err
		}},
	},
	{"a reason is a sentence", "failures are explained", containers(brokenContainer{status: func(s orchestra.ContainerStatus) orchestra.ContainerStatus {
		return verbose{fixedStatus{s.IsDone(), s.ExitCode()}}
	}})},
	{"wait returns early", "wait returns at the end", broken{container: func(c orchestra.Container) orchestra.Container { return hasty{c} }}},
	{"stdin is cut", "stdin arrives whole", tasks(func(task *orchestra.Task) {
		if task.Stdin != nil {
			task.Stdin = io.LimitReader(task.Stdin, 1<<19)
		}
	})},
	{"stdin errors are ends", "a stdin that fails is no success", tasks(func(task *orchestra.Task) {
		if task.Stdin != nil {
			data, _ := io.ReadAll(task.Stdin)
			task.Stdin = bytes.NewReader(data)
		}
	})},
	{"no stdin is one that never ends", "a task without stdin sees its end", tasks(func(task *orchestra.Task) {
		if task.Stdin == nil {
			task.Command = append([]string{"sh", "-c", `sleep 100000 | "$@"`, "sh"}, task.Command...)
		}
	})},

	{"not found is another error", "unknown containers are not found", broken{get: func(error) error { return errors.New("404") }}},
	{"IDs change", "a container is found by its ID", containers(brokenContainer{id: func(id string) string { return id + strings.Repeat("x", int(callCount.Add(1))) }})},
	{"cleanup removes nothing", "cleanup removes a container", containers(brokenContainer{cleanup: func(orchestra.Container) error { return nil }})},
	{"cleanup removes nothing", "a task may run anew after cleanup", containers(brokenContainer{cleanup: func(orchestra.Container) error { return nil }})},
	{"cleanup is no end for followers", "cleanup ends followers", containers(brokenContainer{cleanup: func(orchestra.Container) error { return nil }})},
	{"a second cleanup fails", "cleaning up twice is no error", containers(brokenContainer{cleanup: cleanupOnce()})},
	{"close keeps everything", "close removes everything of its namespace", broken{close: func(orchestra.Driver) error { return nil }}},
	{"an unused driver cannot close", "closing an unused driver is no error", broken{close: func(d orchestra.Driver) error {
		return errors.Join(d.Close(), errors.New("no such namespace"))
	}}},
	{"cleanup goes by the ID", "cleanup of an old container spares its successor",
		broken{run: func(ctx context.Context, d orchestra.Driver, task orchestra.Task) (orchestra.Container, error) {
			c, err := d.RunContainer(ctx, task)
			return brokenContainer{Container: c, cleanup: func(c orchestra.Container) error {
				if current, err := d.GetContainer(ctx, c.ID()); err == nil {
					return current.Cleanup(ctx)
				}
				return nil
			}}, err
		}},
	},
	{"cleanup takes the volumes along", "volumes outlive their tasks",
		broken{run: func(ctx context.Context, d orchestra.Driver, task orchestra.Task) (orchestra.Container, error) {
			c, err := d.RunContainer(ctx, task)
			return brokenContainer{Container: c, cleanup: func(orchestra.Container) error { return d.Close() }}, err
		}},
	},
	{"the driver has no name", "the driver has a name", broken{name: func() string { return "" }}},
	{"a second close fails", "closing twice is no error", broken{close: closeOnce()}},

	{"errors name no field", "bad tasks are refused with all problems", broken{refuse: func(_ orchestra.Driver, _ orchestra.Task, _ error) error {
		return errors.New("bad task")
	}}},
	{"only the first problem is reported", "bad tasks are refused with all problems", broken{refuse: func(_ orchestra.Driver, _ orchestra.Task, err error) error {
		var invalid *orchestra.InvalidError
		if errors.As(err, &invalid) {
			invalid.Problems = invalid.Problems[:1]
		}
		return invalid
	}}},
	{"bad volumes are made", "bad volumes are refused",
		broken{create: func(ctx context.Context, d orchestra.Driver, _ string, _ int) (orchestra.Volume, error) {
			return d.CreateVolume(ctx, "corrected", 0)
		}},
	},
	{"ended contexts are ignored", "an ended context ends the call",
		broken{create: func(ctx context.Context, d orchestra.Driver, name string, size int) (orchestra.Volume, error) {
			return d.CreateVolume(context.WithoutCancel(ctx), name, size)
		}},
	},
	{"a refused task is half there", "a refused task leaves nothing behind", broken{refuse: func(d orchestra.Driver, task orchestra.Task, err error) error {
		task.User = ""
		_, _ = d.RunContainer(context.Background(), task)
		return err
	}}},
}
