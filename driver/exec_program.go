package driver

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// execBoot is the command of every exec request: it reads a program from stdin and runs it. So neither arguments nor env values, which
// may be secrets, get into the request's URL, where audit logs would keep them and proxies limit their size. read takes byte by byte
// and dd an exact number, so what follows the program stays in stdin.
const execBoot = `read -r __orchestra __orchestra_count || exit 125
eval "$("$0" dd bs="$__orchestra" count="$__orchestra_count" iflag=fullblock 2>/dev/null)"`

// execProgram is the program for busybox's shell that runs a command in the container and proves what came of it. Neither exec
// protocol can: kubernetes/kubernetes#124571, and the servers between are clients that take a cut for a success
// (client-go tools/remotecommand/errorstream.go).
//
// stdin comes in frames, each with the size and the number of its blocks before it, so that the command sees the end of its input only when
// the driver says so ("0"). If the connection ends without the driver's "bye", the command is killed with all of its process group; the exec's first
// process leads one, as runc starts it in a session of its own. Both outputs end with a mark, and then wait for "bye", so that no
// server closes the connection while a slow reader has not seen them; and so does the answer to "bye".
//
// When the command reads no more, dd says how much of the frame it has taken, and the rest is taken away, and all that follows: what were left there
// would be read as the next frame's beginning, and a server does not get further while nobody takes what was sent. A dd that was killed, perhaps for
// want of memory, has lost what it had taken. The command does not see that as the end: the driver is told, and ends it.
//
// It is a function, so that half of it, after a cut, does nothing. Its own words go to /dev/null, and so do the shell's about killed
// commands.
const execProgram = `__orchestra() {
%[2]sexec 9>&2 2>/dev/null
printf '%[1]s at %%d\n' "$$"
{
  trap '' PIPE
  exec 8>&1
  while read -r __orchestra __orchestra_count; do
    case $__orchestra in
    0) exec >/dev/null 8>&1 ;;
    bye) printf '%[1]s bye\n' >&9; read -r __orchestra; exit 0 ;;
    *)
      __orchestra_said=$("$0" dd bs="$__orchestra" count="$__orchestra_count" iflag=fullblock 2>&1 >&8 9>&-)
      case $? in
      0) ;;
      1)
        exec >/dev/null 8>&1
        __orchestra_said=${__orchestra_said%%%%+* records in*}
        __orchestra_count=$((__orchestra_count - ${__orchestra_said##*[!0-9]}))
        "$0" dd bs="$__orchestra" count="$__orchestra_count" iflag=fullblock
        ;;
      *) printf '%[1]s cut\n' >&9; "$0" cat >/dev/null; break ;;
      esac
      ;;
    esac
  done
  kill -9 0
} | (
` + execCommand + `  __orchestra=$?
  printf '%[1]s end %%d\n' "$__orchestra"
  printf '%[1]s end %%d\n' "$__orchestra" >&9
)
}
__orchestra
`

// execCommand becomes the command, in a subshell. What it is called is looked for in the image's PATH, as some builds of busybox prefer their own.
const execCommand = `(
  __orchestra=$1
  case $1 in
  */*) ;;
  *)
    IFS=:
    set -f
    for __orchestra in $PATH; do
      __orchestra=${__orchestra:-.}/$1
      if [ -f "$__orchestra" ] && [ -x "$__orchestra" ]; then break; fi
      __orchestra=
    done
    ;;
  esac
  if [ -z "$__orchestra" ]; then
    printf '%%s: not found\n' "$1" >&9
    exit 127
  fi
  shift
  exec %[3]s"$__orchestra" "$@" 2>&9 9>&-
)
`

// program writes the program for a command that has no terminal.
func (p process) program(mark string) string { return p.script(execProgram, mark) }

// script puts the process and the mark into a program.
func (p process) script(program, mark string) string {
	var setup, prefix strings.Builder
	if p.dir != "" {
		fmt.Fprintf(&setup, "cd -- %s || exit %d\n", shellQuote(p.dir), exitNone)
	}
	for _, name := range slices.Sorted(maps.Keys(p.env)) {
		if isShellName(name) {
			fmt.Fprintf(&setup, "export %s\n", shellQuote(name+"="+p.env[name]))
			continue
		}
		if prefix.Len() == 0 { // a name that no shell has as a variable
			prefix.WriteString(`"$0" env `)
		}
		prefix.WriteString(shellQuote(name+"="+p.env[name]) + " ")
	}
	setup.WriteString("set --")
	for _, word := range p.command {
		setup.WriteString(" " + shellQuote(word))
	}
	setup.WriteByte('\n')
	return fmt.Sprintf(program, printable(mark), setup.String(), prefix.String())
}

// printable is the mark as printf reads it.
func printable(mark string) string { return strings.ReplaceAll(mark, string(markBegin), `\036`) }

// shellQuote makes one word of any text without NUL.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func isShellName(name string) bool {
	for i, r := range name {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
