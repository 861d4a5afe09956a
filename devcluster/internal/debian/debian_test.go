package debian

import (
	"debug/elf"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestServicesAreForbiddenOnlyMeanwhile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy-rc.d")
	for _, before := range []string{"no file", "left by a killed run"} {
		restore, err := forbidServices(file)
		require.NoError(t, err, before)
		info, err := os.Stat(file)
		require.NoError(t, err, before)
		assert.NotZero(t, info.Mode()&0o111, "packages execute it")
		restore()
		assert.NoFileExists(t, file, before)
		require.NoError(t, os.WriteFile(file, []byte(policy), 0o755))
	}
}

func TestThePolicyOfTheMachineStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy-rc.d")
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\nexit 0\n"), 0o755))
	restore, err := forbidServices(file)
	require.NoError(t, err)
	restore()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "#!/bin/sh\nexit 0\n", string(content))
}

func TestMissingNamesPackagesOnce(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	missing := Missing()
	assert.Subset(t, missing, []string{"containerd", "iproute2", "mount", "runc"})
	seen := map[string]bool{}
	for _, pkg := range missing {
		assert.False(t, seen[pkg], pkg)
		seen[pkg] = true
	}
	assert.False(t, Available(), "no apt-get in an empty PATH")
}

// program writes the smallest file that is a 64-bit program with one segment.
func program(t *testing.T, segment elf.ProgType) string {
	t.Helper()
	file := make([]byte, 64+56)
	copy(file, "\x7fELF\x02\x01\x01")
	file[16], file[18], file[20] = byte(elf.ET_EXEC), byte(elf.EM_X86_64), 1
	file[32], file[52], file[54], file[56] = 64, 64, 56, 1 // where the segments are, sizes, how many
	file[58] = 64
	file[64] = byte(segment)
	path := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(path, file, 0o755))
	return path
}

func TestOnlyAProgramWithoutInterpreterIsStatic(t *testing.T) {
	assert.True(t, static(program(t, elf.PT_LOAD)))
	assert.False(t, static(program(t, elf.PT_INTERP)))
	assert.False(t, static(filepath.Join(t.TempDir(), "none")))
	script := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755))
	assert.False(t, static(script))
}

func TestARecentBusyboxIsChosenOverTheMachinesOwn(t *testing.T) {
	own, older, later := Busybox{"/bin/busybox", "v1.35.0"}, Busybox{"a", "v1.9.2"}, Busybox{"b", "v1.37.0"}
	recent := Busybox{"c", "v1.36.0"}
	for _, test := range []struct {
		found []Busybox
		want  Busybox
	}{
		{nil, Busybox{}},
		{[]Busybox{own}, own},
		{[]Busybox{own, older}, own},
		{[]Busybox{own, later}, later},
		{[]Busybox{older, recent, later}, recent},
	} {
		assert.Equal(t, test.want, choose(test.found), "%v", test.found)
	}
	assert.False(t, Busybox{}.Recent(), "none")
}

func TestTheVersionIsInItsFirstWords(t *testing.T) {
	got, err := versionIn("BusyBox v1.35.0 (Debian 1:1.35.0-4+deb12u1+b1) multi-call binary.\nBusyBox is copyrighted ...\n")
	require.NoError(t, err)
	assert.Equal(t, "v1.35.0", got)
	got, err = versionIn("BusyBox v1.38.1.git () multi-call binary.\n")
	require.NoError(t, err)
	assert.Equal(t, "v1.38.1", got)
	for _, usage := range []string{"", "toybox 0.8.9\n", "This is not BusyBox v1.36.0\n", "BusyBox v1.36\n"} {
		_, err := versionIn(usage)
		assert.Error(t, err, "%q", usage)
	}
}
