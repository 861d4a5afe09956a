package driver

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// repacker copies a tar archive entry by entry, and refuses what does not belong into a volume. What it writes is plain: cleaned names,
// numeric owners, whole seconds, and the one dialect that busybox knows whole (GNU's, with long names).
type repacker struct {
	to     *tar.Writer
	prefix string // before every name: "./" keeps a tool from reading a name as an option
	// deferred says that directories are written twice: before what is in them, and after it with their real mode and time, which
	// unpacking their content would change again.
	deferred bool
	open     []*tar.Header   // directories to be written again, each within the one before
	links    map[string]bool // symlinks so far: nothing may pass through one
	buffer   []byte
}

// copyBuffer is how much is read, written and sent at a time.
const copyBuffer = 1 << 20

func newRepacker(to io.Writer) *repacker {
	return &repacker{to: tar.NewWriter(to), links: map[string]bool{}, buffer: make([]byte, copyBuffer)}
}

var errNoArchiveEnd = errors.New("the archive has no end: it was cut")

// run copies all of an archive, to the end of from; the end mark of the copy is finish's. An archive without an end mark is an error: one that
// is cut between two entries is not different from a whole one otherwise, and archive/tar takes it for one.
func (p *repacker) run(from io.Reader) error {
	source := &endTracker{from: from}
	archive := tar.NewReader(source)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		if err := p.entry(header, archive); err != nil {
			return err
		}
	}
	if source.ended {
		return errNoArchiveEnd
	}
	if _, err := io.Copy(io.Discard, source); err != nil {
		return fmt.Errorf("reading the archive's end: %w", err)
	}
	return p.leave("")
}

// finish writes the end mark.
func (p *repacker) finish() error { return p.to.Close() }

// endTracker knows whether a read has found the end of a stream. A reader may bring the last bytes and io.EOF together.
type endTracker struct {
	from  io.Reader
	err   error
	ended bool
}

func (t *endTracker) Read(p []byte) (int, error) {
	if t.err == nil {
		var n int
		if n, t.err = t.from.Read(p); n > 0 || t.err == nil {
			return n, nil
		}
	}
	t.ended = true
	return 0, t.err
}

// entry copies one entry.
func (p *repacker) entry(header *tar.Header, content io.Reader) error {
	if header.Typeflag == tar.TypeXGlobalHeader { // a comment on the whole, such as git's
		return nil
	}
	name, err := p.place(header)
	if err != nil {
		return fmt.Errorf("entry %q: %w", header.Name, err)
	}
	if name == "." { // the volume itself, which is not the archive's to change
		return nil
	}
	if err := p.leave(name); err != nil {
		return err
	}
	plain := &tar.Header{
		Typeflag: header.Typeflag, Name: p.prefix + name, Linkname: header.Linkname, Size: header.Size, Mode: header.Mode & 0o7777,
		Uid: header.Uid, Gid: header.Gid, ModTime: header.ModTime.Truncate(time.Second), Format: tar.FormatGNU,
	}
	switch header.Typeflag {
	case tar.TypeGNUSparse:
		plain.Typeflag = tar.TypeReg
	case tar.TypeLink:
		plain.Linkname = p.prefix + path.Clean(header.Linkname)
	case tar.TypeDir:
		plain.Name += "/"
		if p.deferred {
			p.open = append(p.open, plain)
			first := *plain
			first.Mode |= 0o700
			plain = &first
		}
	}
	if err := p.to.WriteHeader(plain); err != nil {
		return fmt.Errorf("writing entry %q: %w", header.Name, err)
	}
	if plain.Typeflag == tar.TypeReg {
		_, err = io.CopyBuffer(onlyWriter{p.to}, onlyReader{content}, p.buffer)
	}
	if err != nil {
		return fmt.Errorf("copying entry %q: %w", header.Name, err)
	}
	return nil
}

// onlyWriter and onlyReader hide what else a type can do, so that io.CopyBuffer uses its buffer.
type (
	onlyWriter struct{ io.Writer }
	onlyReader struct{ io.Reader }
)

// leave writes the directories again that do not hold the next entry. So a stream in the order of a tree needs no more memory than the
// tree is deep.
func (p *repacker) leave(next string) error {
	for len(p.open) > 0 {
		last := p.open[len(p.open)-1]
		if next != "" && strings.HasPrefix(p.prefix+next, last.Name) {
			return nil
		}
		p.open = p.open[:len(p.open)-1]
		if err := p.to.WriteHeader(last); err != nil {
			return fmt.Errorf("writing entry %q: %w", last.Name, err)
		}
	}
	return nil
}

// place checks where an entry would lie, and where it would lead, and returns its clean name.
func (p *repacker) place(header *tar.Header) (name string, err error) {
	if name, err = cleanPath(header.Name); err != nil {
		return "", err
	}
	for parent := path.Dir(name); parent != "."; parent = path.Dir(parent) {
		if p.links[parent] {
			return "", fmt.Errorf("it lies behind the link %q", parent)
		}
	}
	delete(p.links, name)
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeDir, tar.TypeGNUSparse:
		return name, nil
	case tar.TypeSymlink:
		p.links[name] = true
		return name, orchestra.CheckSymlink(name, header.Linkname)
	case tar.TypeLink:
		if _, err := cleanPath(header.Linkname); err != nil {
			return "", fmt.Errorf("it links to %q: %w", header.Linkname, err)
		}
		return name, nil
	}
	return "", fmt.Errorf("its type %q is neither a file, nor a directory, nor a link", header.Typeflag)
}

var (
	errEmptyPath    = errors.New("the path is empty")
	errAbsolutePath = errors.New("the path is absolute; paths are relative to the volume")
	errDotDot       = errors.New(`the path has a ".."; paths stay within the volume`)
)

// cleanPath is a path within a volume, without needless elements.
func cleanPath(name string) (string, error) {
	switch {
	case name == "":
		return "", errEmptyPath
	case path.IsAbs(name):
		return "", errAbsolutePath
	case strings.ContainsRune(name, 0):
		return "", errors.New("the path has a NUL")
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == ".." {
			return "", errDotDot
		}
	}
	return path.Clean(name), nil
}
