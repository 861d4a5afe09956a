package debian

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReleaseOfTheMachine(t *testing.T) {
	for content, want := range map[string][2]string{
		"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nID=debian\n": {"debian", "bookworm"},
		"ID='ubuntu'\nID_LIKE=debian\nVERSION_CODENAME=\"noble\"\nUBUNTU_CODENAME=noble\n":                          {"ubuntu", "noble"},
		"# a comment\n\nID=alpine\n": {"alpine", ""},
		"":                           {"", ""},
	} {
		id, codename := release(content)
		assert.Equal(t, want, [2]string{id, codename}, content)
	}
}

// configureApt gives apt another configuration than the machine's.
func configureApt(t *testing.T, config string) {
	t.Helper()
	if !Available() {
		t.Skip("there is no apt-get here")
	}
	file := filepath.Join(t.TempDir(), "apt.conf")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	t.Setenv("APT_CONFIG", file)
	t.Setenv("LC_ALL", "C") // tests read what apt says
}

func TestArchivesAreThoseOfTheMachinesRelease(t *testing.T) {
	sources := filepath.Join(t.TempDir(), "sources.list.d")
	require.NoError(t, os.Mkdir(sources, 0o755))
	for file, content := range map[string]string{
		"debian.sources": "Types: deb deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main contrib\n",
		"other.list":     "deb http://other.example/apt bookworm main\ndeb http://tool.example bookworm stable\ndeb http://late.example sid main\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(sources, file), []byte(content), 0o600))
	}
	configureApt(t, fmt.Sprintf("Dir::Etc::SourceList \"/dev/null\";\nDir::Etc::SourceParts %q;\nDir::State::Lists %q;\n", sources, t.TempDir()))

	got, err := archivesOf(t.Context(), "bookworm")
	require.NoError(t, err)
	assert.Equal(t, []string{"http://mirror.example/debian/", "http://other.example/apt/"}, got)
	_, err = archivesOf(t.Context(), "trixie")
	assert.ErrorContains(t, err, `"trixie"`)
}

// TestOnlyDebiansSignatureWillDo asks an archive that nobody has signed, on a
// machine that would take it and has a hook for updates.
func TestOnlyDebiansSignatureWillDo(t *testing.T) {
	archive, hooked := t.TempDir(), filepath.Join(t.TempDir(), "hooked")
	packages := filepath.Join(archive, "dists", LaterRelease, "main", "binary-"+runtime.GOARCH)
	require.NoError(t, os.MkdirAll(packages, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(packages, "Packages"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(archive, "dists", LaterRelease, "Release"), []byte("Suite: stable\n"), 0o600))
	configureApt(t, `APT::Get::AllowUnauthenticated "true"; Acquire::AllowInsecureRepositories "true";
APT::Update::Pre-Invoke { "touch `+hooked+`"; };
`)

	err := fetchLater(t.Context(), "file:"+archive, t.TempDir())
	require.ErrorContains(t, err, "is not signed")
	assert.NoFileExists(t, hooked)
}
