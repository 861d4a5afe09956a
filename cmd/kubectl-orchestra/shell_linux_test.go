package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// pseudoTerminal is a terminal and the end of a person who sits at it.
func pseudoTerminal(t *testing.T) (person, terminal *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = person.Close(), terminal.Close() })
	return person, terminal
}

func resize(t *testing.T, terminal *os.File, width, height uint16) {
	t.Helper()
	require.NoError(t, unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height}))
}

func TestAShellHasATerminal(t *testing.T) {
	t.Parallel()
	s := newScope(t)
	person, terminal := pseudoTerminal(t)
	resize(t, person, 100, 40)
	before, err := term.GetState(int(terminal.Fd()))
	require.NoError(t, err)
	program, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), program, s.with("shell", "box", "--image", "busybox")...)
	command.Env = append(os.Environ(), beProgram+"=1")
	command.Stdin, command.Stdout, command.Stderr = terminal, terminal, terminal
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, command.Start())
	shown := newScreen()
	go func() {
		for buffer := make([]byte, 4096); ; {
			n, err := person.Read(buffer)
			_, _ = shown.Write(buffer[:n])
			if err != nil {
				return
			}
		}
	}()
	types := func(keys, until string) {
		_, err := person.WriteString(keys)
		require.NoError(t, err)
		shown.await(t, until)
	}
	shown.await(t, "# ")
	types("stty size\r", "40 100\r\n")
	resize(t, person, 120, 50)
	types("until stty size | grep '50 120'; do sleep 0.1; done\r", "50 120\r\n")
	// A shell of its own, because an interactive one that is about to start the sleep may miss a Ctrl-C.
	types("sh -c \"echo be''gun; sleep 1000\"\r", "begun\r\n")
	types("\x03echo al''ive\r", "alive\r\n")
	types("exit 7\r", "`kubectl orchestra rm box` removes it")
	var ended *exec.ExitError
	require.ErrorAs(t, command.Wait(), &ended, shown.String())
	assert.Equal(t, 7, ended.ExitCode(), shown.String())
	after, err := term.GetState(int(terminal.Fd()))
	require.NoError(t, err)
	assert.Equal(t, before, after, "the terminal is as it was")
}
