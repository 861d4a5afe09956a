package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// taskFlags describe a task.
type taskFlags struct {
	image      string
	env        []string
	volumes    []string
	cpuShares  int64
	memory     string
	user       string
	workDir    string
	privileged bool
	stdin      bool
}

func (f *taskFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&f.image, "image", "", "image of the task (required)")
	flags.StringArrayVarP(&f.env, "env", "e", nil, "environment variable NAME=VALUE; may be given several times")
	flags.StringArrayVarP(&f.volumes, "volume", "v", nil, "volume NAME:PATH or NAME:PATH:SIZE_GB; may be given several times")
	flags.Int64Var(&f.cpuShares, "cpu-shares", 0, "CPU limit in shares, of which 1024 are one core (default: no limit)")
	flags.StringVar(&f.memory, "memory", "", "memory limit as a quantity, such as 256Mi (default: no limit)")
	flags.StringVar(&f.user, "user", "", "user: root, uid, uid:gid, or a name of the templates' values (default: the image's)")
	flags.StringVarP(&f.workDir, "workdir", "w", "", "working directory (default: /tmp/{pod-name})")
	flags.BoolVar(&f.privileged, "privileged", false, "run the container privileged")
	flags.BoolVarP(&f.stdin, "stdin", "i", false, "pass standard input to the task")
}

// task turns the flags into a task. All mistakes are reported at once.
func (f *taskFlags) task(id string, command []string, io streams) (orchestra.Task, error) {
	task := orchestra.Task{
		ID: id, Image: f.image, Command: command, Env: map[string]string{}, Privileged: f.privileged, User: f.user, WorkDir: f.workDir,
		ContainerLimits: orchestra.ContainerLimits{CPU: f.cpuShares},
	}
	if f.stdin {
		task.Stdin = io.in
	}
	var problems []error
	for _, variable := range f.env {
		name, value, ok := strings.Cut(variable, "=")
		if !ok {
			problems = append(problems, fmt.Errorf("flag --env %q: want NAME=VALUE", variable))
			continue
		}
		task.Env[name] = value
	}
	for _, volume := range f.volumes {
		mount, err := parseMount(volume)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		task.Mounts = append(task.Mounts, mount)
	}
	if f.memory != "" {
		bytes, err := parseMemory(f.memory)
		if err != nil {
			problems = append(problems, err)
		}
		task.ContainerLimits.Memory = bytes
	}
	return task, errors.Join(problems...)
}

func parseMemory(text string) (int64, error) {
	quantity, err := resource.ParseQuantity(text)
	if err != nil {
		return 0, fmt.Errorf("flag --memory %q: %w", text, err)
	}
	if quantity.Sign() <= 0 || quantity.CmpInt64(math.MaxInt64) >= 0 {
		return 0, fmt.Errorf("flag --memory %q: want a positive number of bytes", text)
	}
	return quantity.Value(), nil
}

func parseMount(text string) (orchestra.Mount, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 2 && len(parts) != 3 {
		return orchestra.Mount{}, fmt.Errorf("flag --volume %q: want NAME:PATH or NAME:PATH:SIZE_GB", text)
	}
	mount := orchestra.Mount{Name: parts[0], Path: parts[1]}
	if len(parts) == 3 {
		size, err := strconv.Atoi(parts[2])
		if err != nil || size <= 0 {
			return mount, fmt.Errorf("flag --volume %q: the size %q is not a positive number of GiB", text, parts[2])
		}
		mount.SizeGB = size
	}
	return mount, nil
}
