package build

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"golang.org/x/mod/modfile"

	"github.com/orchestra-ci/orchestra-k8s/devcluster/internal/progress"
)

func ourModule(t *testing.T) Module {
	t.Helper()
	goMod, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	goSum, err := os.ReadFile("../../go.sum")
	require.NoError(t, err)
	runtimeMod, err := os.ReadFile("../../containerd.mod")
	require.NoError(t, err)
	runtimeSum, err := os.ReadFile("../../containerd.sum")
	require.NoError(t, err)
	return Module{GoMod: goMod, GoSum: goSum, RuntimeMod: runtimeMod, RuntimeSum: runtimeSum}
}

func TestTheModuleListsEveryProgramAsATool(t *testing.T) {
	var tools, built []string
	for _, goMod := range [][]byte{ourModule(t).GoMod, ourModule(t).RuntimeMod} {
		parsed, err := modfile.Parse("go.mod", goMod, nil)
		require.NoError(t, err)
		for _, tool := range parsed.Tool {
			tools = append(tools, tool.Path)
		}
	}
	for _, pkg := range packages {
		built = append(built, pkg)
	}
	assert.ElementsMatch(t, tools, built)
}

func TestVersions(t *testing.T) {
	v, err := ourModule(t).Versions()
	require.NoError(t, err)
	assert.Contains(t, v.String(), "kubernetes-v1.")
	assert.Contains(t, v.String(), runtime.GOARCH)
	assert.NotContains(t, v.String(), "/", "it is a folder's name")
}

func TestAnyChangeOfTheModuleMakesOtherPrograms(t *testing.T) {
	names := map[string]bool{}
	for _, change := range []func(*Module){
		func(*Module) {},
		func(m *Module) { m.GoMod = append(m.GoMod, "\n// changed"...) },
		func(m *Module) { m.GoSum = append(m.GoSum, '\n') },
		func(m *Module) { m.RuntimeMod = append(m.RuntimeMod, "\n// changed"...) },
		func(m *Module) { m.RuntimeSum = append(m.RuntimeSum, '\n') },
	} {
		m := ourModule(t)
		change(&m)
		v, err := m.Versions()
		require.NoError(t, err)
		names[v.String()] = true
	}
	assert.Len(t, names, 5)
}

func TestVersionFlagsOfTheServer(t *testing.T) {
	flags := Versions{Kubernetes: "v1.37.2"}.ldflags()
	for _, part := range []string{"gitVersion=v1.37.2", "gitMajor=1", "gitMinor=37"} {
		assert.Contains(t, flags, part)
	}
}

func TestAModuleWithoutKubernetes(t *testing.T) {
	_, err := Module{GoMod: []byte("module x\n")}.Versions()
	require.ErrorContains(t, err, "must be required")
	_, err = Module{GoMod: []byte("modul x\n")}.Versions()
	assert.ErrorContains(t, err, "reading the cluster's module")
}

func TestNothingIsBuiltTwice(t *testing.T) {
	b := Builder{Module: ourModule(t), Cache: t.TempDir(), Report: progress.New(os.Stderr)}
	v, err := b.Module.Versions()
	require.NoError(t, err)
	bin := filepath.Join(b.Cache, "bin", v.String())
	require.NoError(t, os.MkdirAll(bin, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(bin, Etcd), nil, 0o600))

	got, err := b.Ensure(t.Context(), Etcd)
	require.NoError(t, err)
	assert.Equal(t, bin, got)
	assert.NoDirExists(t, filepath.Join(b.Cache, "build"), "no module was needed")
}

func TestABuildThatFailsLeavesNoProgram(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module broken\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\nfunc main() { oops }\n"), 0o600))
	target := filepath.Join(dir, "out", "broken")

	err := compile(t.Context(), dir, ".", target, "-ldflags", "-s")
	require.ErrorContains(t, err, "oops", "the compiler's own words are in the error")
	assert.NoFileExists(t, target)
}
