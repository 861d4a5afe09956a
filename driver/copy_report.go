package driver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// What runs in the helper. Every script writes its report to stderr, in lines that begin with a word that only the driver knows ("$1"):
// the exit code of tar, and the length and sha256 of the stream as it is seen there. They are measured on the same bytes that tar reads or
// writes, on their way. That the report is there, and agrees with what the driver has measured, proves that all has arrived.
const (
	// unpackScript goes on reading when tar has ended, or a failure of tar would look like a cut.
	unpackScript = `exec 3>&2
{ { tee /dev/fd/4 /dev/fd/5 | {
  tar -x -p -f -
  echo "$1 tar $?" >&3
  cat >/dev/null
} 4>&- 5>&-; } 4>&1 | echo "$1 sha256 $(sha256sum)" >&3; } 5>&1 | echo "$1 length $(wc -c)" >&3
`
	// packScript packs its other arguments. A path that does not exist, or leads out of the volume over links, is reported by its number.
	packScript = `report=$1
shift
number=0
refused=
for file in "$@"; do
  if [ ! -e "$file" ] && [ ! -L "$file" ]; then
    echo "$report missing $number" >&2
    refused=1
  else
    case $(readlink -f "${file%/*}"; echo .) in
    "$PWD"/*|"$PWD"?.) ;;
    *) echo "$report outside $number" >&2; refused=1 ;;
    esac
  fi
  number=$((number + 1))
done
[ -z "$refused" ] || exit 0
exec 3>&2 6>&1
{ { {
  tar -c -f - "$@" 4>&- 5>&-
  echo "$report tar $?" >&3
} | tee /dev/fd/4 /dev/fd/5 >&6; } 4>&1 | echo "$report sha256 $(sha256sum)" >&3; } 5>&1 | echo "$report length $(wc -c)" >&3
`
)

// measure is the driver's side of the proof: what has passed through it.
type measure struct {
	sum    hash.Hash
	length int64
}

func newMeasure() *measure { return &measure{sum: sha256.New()} }

func (m *measure) Write(p []byte) (int, error) {
	m.length += int64(len(p))
	return m.sum.Write(p)
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
		return fmt.Errorf("tar ended with exit code %s: %s", code, r.said.String())
	}
	return nil
}

// verify compares the report with what has passed through the driver.
func (r *copyReport) verify(m *measure) error {
	if err := r.problem(); err != nil {
		return err
	}
	want := map[string]string{"tar": "0", "length": strconv.FormatInt(m.length, 10), "sha256": hex.EncodeToString(m.sum.Sum(nil))}
	for _, key := range []string{"tar", "length", "sha256"} {
		got, given := r.facts[key]
		switch {
		case !given:
			return fmt.Errorf("the helper has not reported the %s: %s", key, r.said.String())
		case got != want[key]:
			return fmt.Errorf("the two ends of the copy disagree about the %s: %s here, %s in the helper", key, want[key], got)
		}
	}
	return nil
}
