package memdriver

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
	"github.com/orchestra-ci/orchestra-k8s/orchestra/orchestratest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, namespace string) orchestra.Driver {
	return New(namespace, slog.New(slog.NewTextHandler(t.Output(), nil)))
}

func TestConformance(t *testing.T) { orchestratest.Run(t, open) }

// run runs a script to its end.
func run(t *testing.T, task orchestra.Task) status {
	t.Helper()
	driver := open(t, t.Name())
	container, err := driver.RunContainer(t.Context(), task)
	require.NoError(t, err)
	done, err := container.(orchestra.Waiter).Wait(t.Context())
	require.NoError(t, err)
	require.NoError(t, driver.Close())
	return done.(status)
}

func script(text string) orchestra.Task {
	return orchestra.Task{ID: "task", Image: "ignored", Command: []string{"sh", "-c", text}}
}

func TestStatusSaysHowTheProcessEnded(t *testing.T) {
	assert.Equal(t, status{done: true, reason: reasonCompleted}, run(t, script("true")))
	assert.Equal(t, status{true, 3, reasonError, "exit status 3"}, run(t, script("exit 3")))
	assert.Equal(t, status{true, 137, reasonKilled, `signal "killed" ended the process`}, run(t, script("kill -9 $$")))

	cut := script("cat; sleep 100000")
	cut.Stdin = io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("disk is gone")))
	assert.Equal(t, status{true, 125, reasonStdin, "reading the standard input: disk is gone"}, run(t, cut))

	missing := run(t, orchestra.Task{ID: "task", Image: "ignored", Command: []string{"/no/such/program"}})
	assert.Equal(t, cannotStart, missing.code)
	assert.Contains(t, missing.message, "/no/such/program")
	assert.Equal(t, cannotStart, run(t, orchestra.Task{ID: "task", Image: "ignored"}).code, "there are no images, and so no entrypoints")
}

func TestTaskSeesNoVariableButItsOwnAndThePath(t *testing.T) {
	t.Setenv("MEMDRIVER_SECRET", "x")
	task := script("test -z \"$MEMDRIVER_SECRET$USER\" && test $PATH = /bin")
	task.Env = map[string]string{"PATH": "/bin"}
	assert.Zero(t, run(t, task).code)
}

func TestChildrenEndWithTheTask(t *testing.T) {
	driver := open(t, t.Name())
	container, err := driver.RunContainer(t.Context(), script("sleep 100000 & echo started"))
	require.NoError(t, err)
	var output strings.Builder // Logs would not return while the child has the stream open
	require.NoError(t, container.Logs(t.Context(), &output, &output, true))
	assert.Equal(t, "started\n", output.String())
	require.NoError(t, driver.Close())
}

func TestCloseLeavesNoFiles(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	task := script("echo x >data/file; sleep 100000")
	task.Mounts = orchestra.Mounts{{Name: "volume", Path: "data"}}
	driver := open(t, t.Name())
	_, err := driver.RunContainer(t.Context(), task)
	require.NoError(t, err)
	require.NoError(t, driver.Close())
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestNestedMountsOfASecondTask(t *testing.T) {
	task := script("echo x >outer/inner/file")
	task.Mounts = orchestra.Mounts{{Name: "in", Path: "outer/inner"}, {Name: "out", Path: "outer"}}
	driver := open(t, t.Name())
	for _, id := range []string{"first", "second"} {
		task.ID = id
		container, err := driver.RunContainer(t.Context(), task)
		require.NoError(t, err)
		done, err := container.(orchestra.Waiter).Wait(t.Context())
		require.NoError(t, err)
		assert.Zero(t, done.ExitCode())
	}
	require.NoError(t, driver.Close())
}
