package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orchestra-ci/orchestra-k8s/internal/limits"
	"github.com/orchestra-ci/orchestra-k8s/internal/taskfile"
	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// taskFlags describe a task. What the flags say beats what the task file says.
type taskFlags struct {
	file       string
	image      string
	env        []string
	envFiles   []string
	volumes    []string
	cpu        string
	memory     string
	user       string
	workDir    string
	privileged bool
	stdin      bool
}

func (f *taskFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVarP(&f.file, "file", "f", "", "task file (YAML); - is standard input")
	flags.StringVar(&f.image, "image", "", "image of the task (required here or in the file)")
	flags.StringArrayVarP(&f.env, "env", "e", nil, "environment variable NAME=VALUE; may be given several times")
	flags.StringArrayVar(&f.envFiles, "env-file", nil, "file of lines NAME=VALUE; may be given several times")
	flags.StringArrayVarP(&f.volumes, "volume", "v", nil, "volume NAME, NAME:PATH or NAME:PATH:SIZE in GiB, in the working directory; may be given several times")
	flags.StringVar(&f.cpu, "cpu", "", "CPU limit, such as 2, 0.5 or 500m (default: no limit)")
	flags.StringVar(&f.memory, "memory", "", "memory limit, such as 512Mi (default: no limit)")
	flags.StringVar(&f.user, "user", "", "user: root, uid, uid:gid, or a name of the templates' values (default: the image's)")
	flags.StringVarP(&f.workDir, "workdir", "w", "", "working directory (default: /tmp/{pod-name})")
	flags.BoolVar(&f.privileged, "privileged", false, "run the container privileged")
	flags.BoolVarP(&f.stdin, "stdin", "i", false, "pass standard input to the task")
	_ = command.MarkFlagFilename("file", "yaml", "yml")
	_ = command.MarkFlagFilename("env-file")
}

// taskArgs are [ID] [-- COMMAND...].
func taskArgs(command *cobra.Command, args []string) error {
	dash := command.ArgsLenAtDash()
	if dash < 0 {
		dash = len(args)
	}
	if dash > 1 {
		return fmt.Errorf("%q: the task's command comes after --, as in `%s ID --image IMAGE -- COMMAND`", args[:dash], command.CommandPath())
	}
	return nil
}

// task is describe for a task that has to have an image.
func (f *taskFlags) task(command *cobra.Command, args []string, stdin io.Reader) (orchestra.Task, error) {
	task, err := f.describe(command, args, stdin)
	if task.Image == "" && (err == nil || errors.As(err, new(usageError))) {
		err = usageError{errors.Join(err, errors.New("the task has no image: give --image, or a task file with an image"))}
	}
	return task, err
}

// describe turns the command line into a task. All mistakes are reported at once, as mistakes of the command line.
func (f *taskFlags) describe(command *cobra.Command, args []string, stdin io.Reader) (orchestra.Task, error) {
	task, err := f.fromFile(stdin)
	if err != nil {
		return task, err
	}
	dash := command.ArgsLenAtDash()
	if dash < 0 {
		dash = len(args)
	}
	if dash == 1 {
		task.ID = args[0]
	}
	if task.ID == "" {
		task.ID = "run-" + strings.ToLower(rand.Text()[:10]) // 50 bits: a task that exists already would be taken up again
	}
	if len(args) > dash {
		task.Command = args[dash:]
	}
	f.override(&task)
	problems := errors.Join(f.readEnv(&task), f.readMounts(&task), f.readLimits(&task))
	if f.stdin {
		task.Stdin = stdin
	}
	if problems != nil {
		return task, usageError{problems}
	}
	return task, nil
}

func (f *taskFlags) fromFile(stdin io.Reader) (orchestra.Task, error) {
	var content []byte
	var err error
	switch f.file {
	case "":
		return orchestra.Task{}, nil
	case "-":
		if f.stdin {
			return orchestra.Task{}, usageError{errors.New("flags --file - and --stdin: both want standard input")}
		}
		content, err = io.ReadAll(stdin)
	default:
		content, err = os.ReadFile(f.file)
	}
	if err != nil {
		return orchestra.Task{}, fmt.Errorf("reading task file: %w", err)
	}
	task, err := taskfile.Parse(f.file, content)
	if err != nil {
		err = hinted{err, "Correct the task file; docs/cli.md describes it."}
	}
	return task, err
}

func (f *taskFlags) override(task *orchestra.Task) {
	for _, field := range []struct{ given, to *string }{{&f.image, &task.Image}, {&f.user, &task.User}, {&f.workDir, &task.WorkDir}} {
		if *field.given != "" {
			*field.to = *field.given
		}
	}
	task.Privileged = task.Privileged || f.privileged
}

func (f *taskFlags) readEnv(task *orchestra.Task) error {
	env := maps.Clone(task.Env)
	if env == nil {
		env = map[string]string{}
	}
	var problems []error
	for _, name := range f.envFiles {
		content, err := os.ReadFile(name)
		if err != nil {
			problems = append(problems, fmt.Errorf("flag --env-file: %w", err))
			continue
		}
		more, err := taskfile.ParseEnv(name, content)
		problems = append(problems, err)
		maps.Copy(env, more)
	}
	for _, variable := range f.env {
		name, value, ok := strings.Cut(variable, "=")
		if !ok {
			problems = append(problems, fmt.Errorf("flag --env %q: want NAME=VALUE", variable))
			continue
		}
		env[name] = value
	}
	task.Env = env
	return errors.Join(problems...)
}

func (f *taskFlags) readMounts(task *orchestra.Task) error {
	var problems []error
	for _, volume := range f.volumes {
		mount, err := parseMount(volume)
		problems = append(problems, err)
		task.Mounts = append(task.Mounts, mount)
	}
	return errors.Join(problems...)
}

func (f *taskFlags) readLimits(task *orchestra.Task) error {
	var problems []error
	for _, limit := range []struct {
		flag, text string
		parse      func(string) (int64, error)
		to         *int64
	}{
		{"cpu", f.cpu, limits.CPUShares, &task.ContainerLimits.CPU}, {"memory", f.memory, limits.Memory, &task.ContainerLimits.Memory},
	} {
		if limit.text == "" {
			continue
		}
		number, err := limit.parse(limit.text)
		if err != nil {
			problems = append(problems, fmt.Errorf("flag --%s: %w", limit.flag, err))
		}
		*limit.to = number
	}
	return errors.Join(problems...)
}

func parseMount(text string) (orchestra.Mount, error) {
	parts := strings.Split(text, ":")
	mount := orchestra.Mount{Name: parts[0]}
	if len(parts) > 3 || mount.Name == "" {
		return mount, fmt.Errorf("flag --volume %q: want NAME, NAME:PATH or NAME:PATH:SIZE", text)
	}
	if len(parts) > 1 {
		mount.Path = parts[1]
	}
	if len(parts) == 3 {
		size, err := strconv.Atoi(parts[2])
		if err != nil || size <= 0 {
			return mount, fmt.Errorf("flag --volume %q: the size %q is not a positive number of GiB", text, parts[2])
		}
		mount.SizeGB = size
	}
	return mount, nil
}
