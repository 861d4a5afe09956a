package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

// startTime returns the clock tick since boot at which the process began:
// field 22 of /proc/PID/stat, see proc(5).
func startTime(pid int) (start uint64, ended bool, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) {
		return 0, false, os.ErrProcessDone
	}
	if err != nil {
		return 0, false, err
	}
	return parseStat(string(stat))
}

// parseStat reads the start time of a stat line. The command's name, in
// parentheses, may itself hold spaces and parentheses, hence the last one counts.
func parseStat(stat string) (start uint64, ended bool, err error) {
	end := strings.LastIndexByte(stat, ')')
	fields := strings.Fields(stat[end+1:])
	const stateField, threadsField, startField = 0, 17, 19 // fields 3, 20 and 22, counted from after the name
	if end < 0 || len(fields) <= startField {
		return 0, false, fmt.Errorf("unexpected stat line %q", stat)
	}
	// The first thread may be over before the others, which then still hold the process's files and ports.
	state, threads := fields[stateField], fields[threadsField]
	ended = state == "X" || state == "Z" && (threads == "0" || threads == "1")
	start, err = strconv.ParseUint(fields[startField], 10, 64)
	return start, ended, err
}

var bootID = sync.OnceValues(func() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return string(bytes.TrimSpace(id)), err
})

// Marked finds the processes that carry the mark: those started with it and
// their descendants, whoever their parent is now.
func Marked(mark string) ([]Identity, error) {
	proc, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var marked []Identity
	for _, entry := range proc {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		id, err := Of(pid)
		if err != nil || !hasMark(pid, mark) || !id.Alive() {
			continue // it ended meanwhile, or is not ours
		}
		marked = append(marked, id)
	}
	return marked, nil
}

func hasMark(pid int, mark string) bool {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return false
	}
	want := []byte(markVariable + "=" + mark)
	for variable := range bytes.SplitSeq(environ, []byte{0}) {
		if bytes.Equal(variable, want) {
			return true
		}
	}
	return false
}
