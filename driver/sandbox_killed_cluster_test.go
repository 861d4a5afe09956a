package driver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// findFeeder sets dd to the process that hands a frame on to a command, which has begun.
const findFeeder = `until [ -e /tmp/begun ]; do sleep 0.1; done
dd=
until [ -n "$dd" ]; do
  for p in /proc/[0-9]*; do
    case $(tr '\0' ' ' 2>/dev/null <$p/cmdline) in
    "/.orchestra/busybox dd "*) dd=${p#/proc/} ;;
    esac
  done
done
`

// running is a command that is under way.
type running struct {
	end orchestra.ContainerStatus
	err error
}

// begin runs a script that is sent more than anything on the way holds, over either protocol.
func begin(t *testing.T, s orchestra.Sandbox, script string) <-chan running {
	t.Helper()
	result := make(chan running, 1)
	go func() {
		end, err := s.Exec(long(t), []string{"sh", "-c", script}, nil, "", noise(moreThanInFlight), nil, nil)
		result <- running{end, err}
	}()
	return result
}

// The processes that hand a command's stdin on may be killed, for want of memory. The command may see the end of its input then, and is no success.
func TestClusterSandboxStdinIsNeverCutByAKill(t *testing.T) {
	for name, kill := range map[string]string{
		"of the one that hands a frame on":      `kill -9 $dd`,
		"of the one that waits for more frames": `while read -r key value; do [ "$key" = PPid: ] && kill -9 $value $dd; done </proc/$dd/status`,
	} {
		for protocol, wrap := range protocols {
			t.Run(name+", over "+protocol, func(t *testing.T) {
				t.Parallel()
				d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.RESTConfig.Wrap(wrap) })
				s := startSandbox(t, d)
				result := begin(t, s, "touch /tmp/begun; until [ -e /tmp/killed ]; do sleep 0.1; done; wc -c")
				code, _, stderr := inSandbox(t, s, findFeeder+kill+"\ntouch /tmp/killed", nil)
				require.Zero(t, code, stderr)
				require.ErrorIs(t, (<-result).err, errStdinCut)
				code, _, _ = inSandbox(t, s, "exit 3", nil)
				require.Equal(t, 3, code, "the sandbox goes on")
			})
		}
	}
}

// When nobody is left who takes what was sent, the news of the end does not come through.
func TestClusterSandboxWhoseCommandIsKilledInTheMidstOfItsInput(t *testing.T) {
	for protocol, wrap := range protocols {
		t.Run("with all its processes, over "+protocol, func(t *testing.T) {
			t.Parallel()
			d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.RESTConfig.Wrap(wrap) })
			d.execIdle = time.Second
			s := startSandbox(t, d)
			got := <-begin(t, s, "sleep 1; kill -9 0")
			if got.err == nil { // the news has come
				assert.Equal(t, exitKilled, got.end.ExitCode())
				return
			}
			require.ErrorIs(t, got.err, errLost)
		})
		t.Run("with its sandbox, over "+protocol, func(t *testing.T) {
			t.Parallel()
			d, _ := onCluster(t, uniqueNamespace(), func(cfg *Config) { cfg.RESTConfig.Wrap(wrap) })
			s := startSandbox(t, d)
			result := begin(t, s, "touch /tmp/begun; sleep 3600")
			code, _, _ := inSandbox(t, s, "until [ -e /tmp/begun ]; do sleep 0.1; done", nil)
			require.Zero(t, code)
			vanish(t, d, s.(*sandbox).c)
			err := (<-result).err
			require.Error(t, err)
			assert.Contains(t, err.Error(), ReasonDeleted)
		})
	}
}
