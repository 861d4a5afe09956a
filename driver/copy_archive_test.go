package driver

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// entries makes an archive; a regular file's content is its name.
func entries(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	for i := range headers {
		h := headers[i]
		if h.Typeflag == 0 {
			h.Typeflag, h.Size = tar.TypeReg, int64(len(h.Name))
		}
		require.NoError(t, w.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			_, err := io.WriteString(w, h.Name)
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return data.Bytes()
}

func repacked(from io.Reader, deferred bool) (headers []*tar.Header, err error) {
	var out bytes.Buffer
	p := newRepacker(&out)
	p.prefix, p.deferred = "./", deferred
	if err := errors.Join(p.run(from), p.finish()); err != nil {
		return nil, err
	}
	for r := tar.NewReader(&out); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers, nil
		}
		if err != nil {
			return nil, err
		}
		headers = append(headers, h)
	}
}

func TestRepackRefusesWhatLeavesTheVolume(t *testing.T) {
	link := func(name, target string) tar.Header {
		return tar.Header{Name: name, Linkname: target, Typeflag: tar.TypeSymlink}
	}
	for name, headers := range map[string][]tar.Header{
		"an absolute name":               {{Name: "/x"}},
		"dots":                           {{Name: "../x"}},
		"dots that come back":            {{Name: "a/../x"}},
		"an absolute link":               {link("x", "/etc")},
		"an outward link":                {link("a/x", "../../b")},
		"a link that goes out and back":  {link("x", "../volume/y")},
		"a link that leads over another": {link("d/m", "."), link("d/l", "m/../..")},
		"a file behind a link":           {link("x", "y"), {Name: "x/file"}},
		"a link behind a link":           {link("a/b/s", ".."), link("a/b/s/t", "../..")},
		"a hard link out":                {{Name: "x", Linkname: "../y", Typeflag: tar.TypeLink}},
		"an absolute hard link":          {{Name: "x", Linkname: "/etc/passwd", Typeflag: tar.TypeLink}},
		"a device":                       {{Name: "x", Typeflag: tar.TypeBlock}},
		"a pipe":                         {{Name: "x", Typeflag: tar.TypeFifo}},
		"an entry after good ones":       {{Name: "a"}, {Name: "b"}, {Name: "/c"}},
		"a directory outside":            {{Name: "../", Typeflag: tar.TypeDir}},
		"a link with a long way outside": {link("a/b/c", strings.Repeat("../", 3)+"x")},
	} {
		_, err := repacked(bytes.NewReader(entries(t, headers...)), true)
		assert.ErrorContains(t, err, "entry ", name)
	}
}

func TestRepackKeepsWhatStaysInTheVolume(t *testing.T) {
	at := time.Unix(1e9, 5e8)
	headers, err := repacked(bytes.NewReader(entries(t,
		tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o700},
		tar.Header{Name: "a/", Typeflag: tar.TypeDir, Mode: 0o500, ModTime: at, Format: tar.FormatPAX},
		tar.Header{Name: "a/-rf", Mode: 0o4755, ModTime: at, Format: tar.FormatPAX, Uname: "someone", Uid: 7},
		tar.Header{Name: "a/b/", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "a/b/link", Linkname: "../-rf", Typeflag: tar.TypeSymlink},
		tar.Header{Name: "ab", Linkname: "a/-rf", Typeflag: tar.TypeLink},
		tar.Header{Name: strings.Repeat("long/", 60) + "name\nü"},
	)), true)
	require.NoError(t, err)
	var names []string
	for _, h := range headers {
		names = append(names, h.Name)
	}
	assert.Equal(t, []string{"./a/", "./a/-rf", "./a/b/", "./a/b/link", "./a/b/", "./a/", "./ab", "./" + strings.Repeat("long/", 60) + "name\nü"}, names)
	assert.Equal(t, int64(0o700), headers[0].Mode, "its content can be written")
	assert.Equal(t, int64(0o500), headers[5].Mode)
	assert.Equal(t, time.Unix(1e9, 0), headers[5].ModTime)
	assert.Equal(t, []any{int64(0o4755), 7, "", time.Unix(1e9, 0)}, []any{headers[1].Mode, headers[1].Uid, headers[1].Uname, headers[1].ModTime})
	assert.Equal(t, "./a/-rf", headers[6].Linkname)
}

// A cut anywhere is an error, also one between two entries, which archive/tar takes for the end.
func TestRepackNoticesEveryCut(t *testing.T) {
	whole := entries(t, tar.Header{Name: "a"}, tar.Header{Name: "d/", Typeflag: tar.TypeDir}, tar.Header{Name: "b"})
	for n := 0; n < len(whole)-512; n += 64 { // without the last block one block of zeros is left, which is an end
		_, err := repacked(bytes.NewReader(whole[:n]), false)
		require.Error(t, err, "cut at %d", n)
		_, err = repacked(io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(errReader)), false)
		require.ErrorIs(t, err, errReader, "broken at %d", n)
	}
	for name, reader := range map[string]io.Reader{
		"byte by byte": iotest.OneByteReader(bytes.NewReader(whole)), "end with data": iotest.DataErrReader(bytes.NewReader(whole)),
	} {
		_, err := repacked(reader, false)
		assert.NoError(t, err, name)
	}
	_, err := repacked(io.MultiReader(bytes.NewReader(whole), iotest.ErrReader(errReader)), false)
	assert.ErrorIs(t, err, errReader, "such as a checksum behind the archive")
}

func TestCopyReport(t *testing.T) {
	m := newMeasure()
	_, _ = io.WriteString(m, "hello")
	const sum = "ec777b992bb0b0678a8737567b348de64ab50b5db3b4b03534f636c456e0a3a7" // printf hello | sha256sum | sha256sum
	for name, test := range map[string]struct{ text, problem string }{
		"agreed":           {"W tar 0\nW length 5\nW sha256 " + sum + "  -\n", ""},
		"in another order": {"noise\nW sha256 " + sum + "\nW length 5\nW tar 0\n", ""},
		"another length":   {"W tar 0\nW length 4\nW sha256 " + sum + "\n", "disagree about the length"},
		"another sum":      {"W tar 0\nW length 5\nW sha256 00\n", "disagree about the sha256"},
		"tar has failed":   {"tar: no space left\nW tar 1\nW length 5\nW sha256 " + sum + "\n", "no space left"},
		"nothing":          {"", "has not reported the tar"},
		"cut":              {"W tar 0\nW length 5\nW sha256 " + sum[:10], "has not reported the sha256"},
		"another's word":   {"W tar 0\nX length 5\nW sha256 " + sum + "\n", "has not reported the length"},
		"a missing path":   {"W missing 1\n", `path "b": it does not exist`},
		"a path outside":   {"W outside 0\n", `path "a": it lies outside`},
	} {
		r := &copyReport{word: "W", paths: []string{"a", "b"}}
		_, err := io.Copy(r, iotest.OneByteReader(strings.NewReader(test.text)))
		require.NoError(t, err)
		if test.problem == "" {
			assert.NoError(t, r.verify(m), name)
			continue
		}
		assert.ErrorContains(t, r.verify(m), test.problem, name)
	}
}
