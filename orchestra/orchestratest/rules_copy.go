package orchestratest

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// copyRules are those of orchestra.VolumeDataAccessor.
var copyRules = []rule{
	{
		"copied files reach a task",
		"what CopyToVolume has unpacked, a task that mounts the volume reads: contents, names, modes, directories and links.",
		copiedFilesReachATask,
	},
	{
		"files of a task can be copied out",
		"CopyFromVolume returns everything that tasks have written, with names relative to the volume.",
		func(s *subject) {
			s.write("writer", "volume")
			assert.Equal(s, "writer\n", s.copyOut("volume")["file"])
		},
	},
	{
		"what was copied in comes out",
		"a volume goes from one place to another unchanged, also large files and names that a shell would misread.",
		func(s *subject) {
			files := map[string]string{"-rf": "dash", "with space": "space", "line\nbreak": "newline", "ü/日本": "unicode", "a/b/c/d": "deep", "empty": "", "big": randomText(3 << 20)}
			s.volume("volume")
			require.NoError(s, s.accessor().CopyToVolume(s.ctx, "volume", archive(files)))
			copied := s.copyOut("volume")
			for name, content := range files {
				assertText(s, content, copied[name])
			}
		},
	},
	{
		"single files can be read",
		"ReadFilesFromVolume returns what is asked for and no more, a directory with all that is in it.",
		func(s *subject) {
			s.volume("volume")
			require.NoError(s, s.accessor().CopyToVolume(s.ctx, "volume", archive(map[string]string{"a": "1", "b": "2", "d/x": "3", "d/y": "4"})))
			stream, err := s.accessor().ReadFilesFromVolume(s.ctx, "volume", "a", "d")
			require.NoError(s, err)
			files, err := unpack(stream)
			require.NoError(s, err)
			assert.Equal(s, map[string]string{"a": "1", "d/x": "3", "d/y": "4"}, files)
		},
	},
	{
		"missing files are named",
		"an archive without the file that was asked for is not a success.",
		func(s *subject) {
			s.volume("volume")
			assert.ErrorContains(s, s.readError("volume", "not-there"), "not-there")
		},
	},
	{
		"nothing is read or written outside of the volume",
		"a path or an entry that leaves the volume is refused.",
		nothingOutside,
	},
	{
		"unknown volumes are errors",
		"a misspelt name must not look like an empty volume.",
		func(s *subject) {
			require.Error(s, s.accessor().CopyToVolume(s.ctx, "unknown", archive(nil)))
			assert.Error(s, s.readError("unknown", "file"))
		},
	},
	{
		"a copy may be repeated",
		"a caller that does not know whether its last attempt got through copies again, over what is there.",
		func(s *subject) {
			s.volume("volume")
			for range 2 {
				require.NoError(s, s.accessor().CopyToVolume(s.ctx, "volume", tree(s)))
			}
			assert.Equal(s, map[string]string{"bin/run": runScript}, s.copyOut("volume"))
		},
	},
	{
		"a cut archive is an error",
		"half of the files must not pass for all of them, wherever the archive was cut.",
		cutArchives,
	},
}

func (s *subject) accessor() orchestra.VolumeDataAccessor {
	s.Helper()
	accessor, ok := s.driver.(orchestra.VolumeDataAccessor)
	require.True(s, ok, "driver %q implements orchestra.VolumeDataAccessor for some namespaces only", s.driver.Name())
	return accessor
}

func (s *subject) copyOut(volume string) map[string]string {
	s.Helper()
	stream, err := s.accessor().CopyFromVolume(s.ctx, volume)
	require.NoError(s, err)
	files, err := unpack(stream)
	require.NoError(s, err)
	return files
}

// readError returns the error of reading a file: the call's or the stream's.
func (s *subject) readError(volume, file string) error {
	stream, err := s.accessor().ReadFilesFromVolume(s.ctx, volume, file)
	if err != nil {
		return err
	}
	_, err = unpack(stream)
	return err
}

const runScript = "#!/bin/sh\necho it runs\n"

// tree is an archive of directories, a program and a link to it.
func tree(s *subject) io.Reader {
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	for _, header := range []tar.Header{
		{Name: "bin/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "bin/run", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(runScript))},
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "bin/run", Mode: 0o777},
		{Name: "hollow/", Typeflag: tar.TypeDir, Mode: 0o755},
	} {
		require.NoError(s, w.WriteHeader(&header))
		if header.Size > 0 {
			_, err := io.WriteString(w, runScript)
			require.NoError(s, err)
		}
	}
	require.NoError(s, w.Close())
	return &data
}

func copiedFilesReachATask(s *subject) {
	s.volume("volume")
	require.NoError(s, s.accessor().CopyToVolume(s.ctx, "volume", tree(s)))
	assert.Equal(s, "it runs\nbin/run\nhollow\n", s.inVolume("reader", "volume", "./data/link && readlink data/link && cd data && ls -d hollow"))
}

func cutArchives(s *subject) {
	s.volume("volume")
	whole, err := io.ReadAll(archive(map[string]string{"big": randomText(1 << 20)}))
	require.NoError(s, err)
	accessor := s.accessor()
	require.Error(s, accessor.CopyToVolume(s.ctx, "volume", bytes.NewReader(whole[:len(whole)/2])), "within a file")
	const end = 2 * 512 // two blocks of zeros
	require.Error(s, accessor.CopyToVolume(s.ctx, "volume", bytes.NewReader(whole[:len(whole)-end])), "behind a file, before the archive's end mark")
	cut := io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), iotest.ErrReader(errBroken))
	assert.ErrorIs(s, accessor.CopyToVolume(s.ctx, "volume", cut), errBroken)
}

func nothingOutside(s *subject) {
	s.volume("volume")
	for _, file := range []string{"../x", "/etc/passwd", "a/../../x"} {
		require.Error(s, s.readError("volume", file), "reading %q", file)
	}
	for _, name := range []string{"../x", "a/../../x"} {
		require.Error(s, s.accessor().CopyToVolume(s.ctx, "volume", archive(map[string]string{name: "x"})), "writing %q", name)
	}
	for _, target := range []string{"..", "/tmp"} {
		var data bytes.Buffer
		w := tar.NewWriter(&data)
		require.NoError(s, w.WriteHeader(&tar.Header{Name: "out", Typeflag: tar.TypeSymlink, Linkname: target}))
		require.NoError(s, w.WriteHeader(&tar.Header{Name: "out/x", Typeflag: tar.TypeReg}))
		require.NoError(s, w.Close())
		require.Error(s, s.accessor().CopyToVolume(s.ctx, "volume", &data), "through a link to %q", target)
	}
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	require.NoError(s, w.WriteHeader(&tar.Header{Name: "d/same", Typeflag: tar.TypeSymlink, Linkname: "."}))
	require.NoError(s, w.WriteHeader(&tar.Header{Name: "d/out", Typeflag: tar.TypeSymlink, Linkname: "same/../.."}))
	require.NoError(s, w.Close())
	require.Error(s, s.accessor().CopyToVolume(s.ctx, "volume", &data), "a link that leads out over another")
}

// archive streams files as tar.
func archive(files map[string]string) io.Reader {
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	for name, content := range files {
		err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))})
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			return iotest.ErrReader(err)
		}
	}
	if err := w.Close(); err != nil {
		return iotest.ErrReader(err)
	}
	return &data
}

// unpack returns the regular files of a tar stream, and closes it. Names are cleaned.
func unpack(stream io.ReadCloser) (files map[string]string, err error) {
	defer func() { err = errors.Join(err, stream.Close()) }()
	files = map[string]string{}
	r := tar.NewReader(stream)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, stream)
			return files, err
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		var content strings.Builder
		if _, err := io.Copy(&content, r); err != nil {
			return nil, fmt.Errorf("reading %q: %w", header.Name, err)
		}
		files[path.Clean(header.Name)] = content.String()
	}
}

func randomText(n int) string {
	data := make([]byte, n)
	_, _ = rand.Read(data) // never fails
	return string(data)
}
