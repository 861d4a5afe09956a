package driver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/orchestra-ci/orchestra-k8s/render"
)

// copyFrame is how much of a stream is checked, and sent, at a time. The helper keeps two frames in memory.
const copyFrame = 4 << 20

// What runs in the helper. Every script writes its report to stderr, in lines that begin with a word that only the driver knows: the exit
// code of tar, and the length and sha256 of the stream as it is seen there. They are measured on the same bytes that tar reads or writes,
// on their way. That the report is there, and agrees with what the driver has measured, proves that all has arrived. Each process of a script
// may be killed, for want of memory: then something of the report is missing, or wrong.
//
// The sha256 is that of the list of the frames' sha256, in lines as sha256sum prints them. A frame lies in a file in memory while it is summed
// and handed on, both at the same time: busybox's tee hands on 1 KiB at a time, which took longer than all else together. Files are written over and not
// anew, as memory that is given back and taken again costs as much as what is done with it. The default templates mount memory for that; the helper of others
// has /dev/shm, with room for 8 copies.
const (
	frames = `report=$1
shift
exec 3>&2
frames() {
  memory=/.orchestra
  [ -d "$memory" ] || memory=/dev/shm
  sums=$memory/$report this=$sums.0 next=$sums.1 length=0 lost=
  : >"$sums"
  while exec 4<>"$this" && dd bs=%[1]d count=%[2]d iflag=fullblock status=none >&4 && read -r _ size </proc/self/fdinfo/4 && [ "$size" -gt 0 ]; do
    [ "$size" -eq %[3]d ] || truncate -s "$size" "$this"
    wait
    sha256sum <"$this" >>"$sums" &
    cat "$this" || lost=1
    length=$((length + size))
    last=$this this=$next next=$last
  done
  wait
  [ -z "$lost" ] || return
  echo "$report length $length" >&3
  echo "$report sha256 $(sha256sum <"$sums")" >&3
  rm -f "$sums" "$sums".?
}
`
	// unpackScript goes on reading when tar has ended, or a failure of tar would look like a cut.
	unpackScript = frames + `frames | {
  tar -x -p -f -
  echo "$report tar $?" >&3
  cat >/dev/null
}
`
	// packScript packs its other arguments. A path that does not exist, or leads out of the volume over links, is reported by its number.
	packScript = frames + `number=0
refused=
for file in "$@"; do
  if [ ! -e "$file" ] && [ ! -L "$file" ]; then
    echo "$report missing $number" >&2
    refused=1
  else
    case $(readlink -f "${file%%/*}"; echo .) in
    "$PWD"/*|"$PWD"?.) ;;
    *) echo "$report outside $number" >&2; refused=1 ;;
    esac
  fi
  number=$((number + 1))
done
[ -z "$refused" ] || exit 0
{ tar -c -f - "$@"; echo "$report tar $?" >&3; } | frames
`
)

// framed fills the size of a frame into a script.
func framed(text string) string {
	return fmt.Sprintf(text, stdinBlock, copyFrame/stdinBlock, copyFrame)
}

// endReader knows whether it was read to its end.
type endReader struct {
	io.Reader
	ended atomic.Bool
}

func (r *endReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		r.ended.Store(true)
	}
	return n, err
}

// measure is the driver's side of the proof: what has passed through it.
type measure struct {
	frame, sums hash.Hash // of a frame, and of the list of them
	length      int64
}

func newMeasure() *measure { return &measure{frame: sha256.New(), sums: sha256.New()} }

func (m *measure) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), copyFrame-int(m.length%copyFrame))
		m.frame.Write(rest[:n])
		m.length += int64(n)
		rest = rest[n:]
		if m.length%copyFrame == 0 {
			listFrame(m.sums, m.frame)
			m.frame.Reset()
		}
	}
	return len(p), nil
}

// listFrame adds a frame to the list, as sha256sum prints it.
func listFrame(list, frame hash.Hash) { fmt.Fprintf(list, "%x  -\n", frame.Sum(nil)) }

func (m *measure) sum() (string, error) {
	list, err := m.sums.(hash.Cloner).Clone()
	if err != nil {
		return "", err
	}
	if m.length%copyFrame != 0 {
		listFrame(list, m.frame)
	}
	return hex.EncodeToString(list.Sum(nil)), nil
}

// copyReport collects the report of a script. Whatever else comes is what tar says.
type copyReport struct {
	word   string
	failed func() // called when tar has ended with a failure; may be nil
	paths  []string

	line    []byte
	facts   map[string]string
	refused []error
	said    beginning
}

func (r *copyReport) Write(p []byte) (int, error) {
	for rest := p; ; {
		text, after, whole := bytes.Cut(rest, []byte("\n"))
		if len(r.line) < maxWords {
			r.line = append(r.line, text...)
		}
		if !whole {
			return len(p), nil
		}
		r.take(string(r.line))
		r.line, rest = r.line[:0], after
	}
}

func (r *copyReport) take(line string) {
	facts, mine := strings.CutPrefix(line, r.word+" ")
	if !mine {
		_, _ = r.said.Write([]byte(line + "\n"))
		return
	}
	key, value, _ := strings.Cut(facts, " ")
	value, _, _ = strings.Cut(value, " ")
	switch key {
	case "missing":
		r.refuse(value, "it does not exist")
	case "outside":
		r.refuse(value, "it lies outside of the volume")
	default:
		if r.facts == nil {
			r.facts = map[string]string{}
		}
		r.facts[key] = value
		if key == "tar" && value != "0" && r.failed != nil {
			r.failed()
		}
	}
}

func (r *copyReport) refuse(number, why string) {
	if i, err := strconv.Atoi(number); err == nil && i < len(r.paths) {
		r.refused = append(r.refused, fmt.Errorf("path %q: %s", r.paths[i], why))
	}
}

// problem is what the script has reported to have gone wrong, if anything.
func (r *copyReport) problem() error {
	if len(r.refused) > 0 {
		return errors.Join(r.refused...)
	}
	if code, ended := r.facts["tar"]; ended && code != "0" {
		return r.failure("tar ended with exit code "+code, code == strconv.Itoa(exitKilled))
	}
	return nil
}

// failure is what is wrong, with what the helper has said. What was killed has not said that it was.
func (r *copyReport) failure(what string, killed bool) error {
	if said := r.said.String(); said != "" {
		what += ": " + said
	}
	if killed {
		what = sentences(what, killedHint(exitKilled, render.RoleCopy))
	}
	return errors.New(what)
}

// verify compares the report with what has passed through the driver.
func (r *copyReport) verify(m *measure) error {
	if err := r.problem(); err != nil {
		return err
	}
	sum, err := m.sum()
	if err != nil {
		return err
	}
	want := map[string]string{"tar": "0", "length": strconv.FormatInt(m.length, 10), "sha256": sum}
	for _, key := range []string{"tar", "length", "sha256"} {
		got, given := r.facts[key]
		switch {
		case !given:
			return r.failure("the helper has not reported the "+key+", as a process of it was killed", true)
		case got != want[key]:
			return fmt.Errorf("the two ends of the copy disagree about the %s: %s here, %s in the helper", key, want[key], got)
		}
	}
	return nil
}
