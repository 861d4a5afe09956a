package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/process"
)

// state is what one command leaves for the next. It is written before each
// step that it describes is taken, so that a killed command loses nothing.
type state struct {
	Slot      int                         `json:"slot"` // of package address
	Options   Options                     `json:"options"`
	Versions  string                      `json:"versions"`  // of the programs
	Busybox   string                      `json:"busybox"`   // path of the static program
	Password  string                      `json:"password"`  // of the private image
	Ready     bool                        `json:"ready"`     // up came to its end
	Processes map[string]process.Identity `json:"processes"` // by component
}

// readState returns nil if there is no state, or none that can be understood:
// a write that a crash cut off, or another version's. There is nothing to lose.
func readState(path string) (*state, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's state: %w", err)
	}
	var s state
	if json.Unmarshal(content, &s) != nil || s.Processes == nil {
		return nil, nil
	}
	return &s, nil
}

func (c *Cluster) saveState() error {
	content, err := json.MarshalIndent(c.state, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the cluster's state: %w", err)
	}
	return writeFile(c.State(), content)
}

// writeFile replaces a file at once and for its owner only: a reader sees the
// old content or the new, and most of what is written here holds secrets.
func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	unfinished := path + ".unfinished"
	if err := os.WriteFile(unfinished, content, 0o600); err != nil {
		return err
	}
	return os.Rename(unfinished, path)
}
