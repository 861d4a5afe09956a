package driver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// lifeVariable makes this test binary another process that uses a driver. It holds a life as JSON.
const lifeVariable = "ORCHESTRA_TEST_LIFE"

// life is what such a process does: it runs a task to its end, reports, and removes everything. Or it does another work, and disconnects.
type life struct {
	Work       string // a key of works; "": it runs the task
	Kubeconfig string
	Namespace  string
	Templates  []string
	Task       orchestra.Task // without Stdin
	Stdin      string         // "": none
	Callers    int            // so many run the task at the same time, and leave it; 0: one runs it, and removes it in the end
	Close      bool           // close the driver, and do not clean up
}

// report is what the process says about its task, in JSON on its stdout.
type report struct {
	UIDs    []string // one for each caller
	Code    int
	Reason  string
	Message string
	Output  string
	Pods    []string // of the namespace, when the task had ended
}

// anotherProcess is the other process's main. It returns its exit code.
func anotherProcess(text string) int {
	var l life
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		panic(err)
	}
	if err := l.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (l life) run(ctx context.Context) error {
	log := newTextLogger(&logBuffer{})
	d, err := New(ctx, Config{
		Namespace: l.Namespace, Kubeconfig: l.Kubeconfig, TemplateDirs: l.Templates,
		Values: map[string]any{"terminationGracePeriodSeconds": 1},
	}, log)
	if err != nil {
		return err
	}
	if l.Work != "" {
		return l.work(ctx, d)
	}
	if l.Callers > 0 {
		return json.NewEncoder(os.Stdout).Encode(report{UIDs: l.race(ctx, d)})
	}
	task := l.Task
	if l.Stdin != "" {
		task.Stdin = bytes.NewBufferString(l.Stdin)
	}
	c, err := d.RunContainer(ctx, task)
	if err != nil {
		return err
	}
	found := report{UIDs: []string{string(c.(*container).uid)}}
	err = errors.Join(l.finish(ctx, d, c, &found), l.remove(ctx, d, c))
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(found))
}

// race runs the task from all callers at once.
func (l life) race(ctx context.Context, d *Driver) []string {
	uids := make([]string, l.Callers)
	var callers sync.WaitGroup
	for i := range uids {
		callers.Go(func() {
			c, err := d.RunContainer(ctx, l.Task)
			if err != nil {
				uids[i] = err.Error()
				return
			}
			uids[i] = string(c.(*container).uid)
		})
	}
	callers.Wait()
	return uids
}

// finish waits for the end of the task and reads everything about it.
func (l life) finish(ctx context.Context, d *Driver, c orchestra.Container, found *report) error {
	end, err := c.(orchestra.Waiter).Wait(ctx)
	if err != nil {
		return err
	}
	found.Code, found.Reason, found.Message = end.ExitCode(), end.(status).Reason(), end.(status).Message()
	var output bytes.Buffer
	err = c.Logs(ctx, &output, io.Discard, true)
	found.Output = output.String()
	pods, other := d.list(ctx, podKind, d.selector(), func(*unstructured.Unstructured) bool { return true })
	for _, pod := range pods {
		found.Pods = append(found.Pods, refOf(pod).String())
	}
	return errors.Join(err, other)
}

func (l life) remove(ctx context.Context, d *Driver, c orchestra.Container) error {
	if l.Close {
		return d.Close()
	}
	errs := []error{c.Cleanup(ctx)}
	for _, mount := range l.Task.Mounts {
		v, err := d.CreateVolume(ctx, mount.Name, 0)
		if err == nil {
			err = v.Cleanup(ctx)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// process is a life in another process.
func (l life) process(t *testing.T) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	text, err := json.Marshal(l)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	cmd = exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), lifeVariable+"="+string(text))
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

// lead leads the life to its end, with the variables in its environment, and returns the report.
func (l life) lead(t *testing.T, variables ...string) report {
	t.Helper()
	cmd, stdout, stderr := l.process(t)
	cmd.Env = append(cmd.Env, variables...)
	require.NoError(t, cmd.Run(), "%s", stderr)
	var found report
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &found), "%s", stdout)
	return found
}
