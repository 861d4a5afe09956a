package orchestra_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// problemsOf returns what Validate says about each field.
func problemsOf(t testing.TB, task orchestra.Task) map[string]string {
	t.Helper()
	err := task.Validate()
	if err == nil {
		return nil
	}
	var invalid *orchestra.InvalidError
	require.ErrorAs(t, err, &invalid)
	problems := map[string]string{}
	for _, problem := range invalid.Problems {
		problems[problem.Field] = problem.Problem
	}
	return problems
}

func valid() orchestra.Task {
	return orchestra.Task{ID: "task", Image: "busybox"}
}

func TestValidateAccepts(t *testing.T) {
	for name, change := range map[string]func(*orchestra.Task){
		"the least":   func(*orchestra.Task) {},
		"any ID":      func(task *orchestra.Task) { task.ID = "../ÄÖ \n'\"{{.}}$(X)" + strings.Repeat("x", 100_000) },
		"any command": func(task *orchestra.Task) { task.Command = []string{"", "\n", "$(X)", "日本"} },
		"env names": func(task *orchestra.Task) {
			task.Env = map[string]string{"A": "", "a.b-c": "x", "1": "\n", "A B": "日本", "$(X)": "$(Y)"}
		},
		"mount paths": func(task *orchestra.Task) {
			task.Mounts = mountsAt("data", "/abs", "./dot/", "a/../b", "data/inside", "with:colon")
		},
		"work directory":  func(task *orchestra.Task) { task.WorkDir = "a/../b" },
		"work root":       func(task *orchestra.Task) { task.WorkDir = "/" },
		"limits and user": func(task *orchestra.Task) { task.ContainerLimits.CPU, task.User = 1, "1000:1000" },
		"stdin":           func(task *orchestra.Task) { task.Stdin = strings.NewReader("\x00") },
	} {
		task := valid()
		change(&task)
		assert.NoError(t, task.Validate(), name)
	}
}

// mountsAt returns a mount for each path, with names of their own.
func mountsAt(paths ...string) orchestra.Mounts {
	var mounts orchestra.Mounts
	for i, path := range paths {
		mounts = append(mounts, orchestra.Mount{Name: strings.Repeat("m", i+1), Path: path})
	}
	return mounts
}

func TestValidateRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change         func(*orchestra.Task)
		field, problem string
	}{
		"no ID":               {func(task *orchestra.Task) { task.ID = "" }, "ID", "is required"},
		"ID with NUL":         {func(task *orchestra.Task) { task.ID = "a\x00" }, "ID", "has a NUL at byte 1"},
		"ID that is no UTF-8": {func(task *orchestra.Task) { task.ID = "ä\xff" }, "ID", "is not valid UTF-8 at byte 2"},
		"no image":            {func(task *orchestra.Task) { task.Image = "" }, "Image", "is required"},
		"image with NUL":      {func(task *orchestra.Task) { task.Image = "a\x00" }, "Image", "has a NUL at byte 1"},
		"command with NUL":    {func(task *orchestra.Task) { task.Command = []string{"a", "b\x00"} }, "Command[1]", "has a NUL at byte 1"},
		"command not UTF-8":   {func(task *orchestra.Task) { task.Command = []string{"\xc3"} }, "Command[0]", "is not valid UTF-8 at byte 0"},
		"empty env name":      {func(task *orchestra.Task) { task.Env = map[string]string{"": "x"} }, `Env[""]`, "the name is empty"},
		"env name with =":     {func(task *orchestra.Task) { task.Env = map[string]string{"A=B": "x"} }, `Env["A=B"]`, "the name may hold only printable ASCII"},
		"env name newline":    {func(task *orchestra.Task) { task.Env = map[string]string{"A\n": "x"} }, `Env["A\n"]`, "the name may hold only printable ASCII"},
		"env value with NUL":  {func(task *orchestra.Task) { task.Env = map[string]string{"A": "x\x00"} }, `Env["A"]`, "the value has a NUL at byte 1"},
		"env value not UTF-8": {func(task *orchestra.Task) { task.Env = map[string]string{"A": "\xff"} }, `Env["A"]`, "the value is not valid UTF-8 at byte 0"},
		"mount without name":  {func(task *orchestra.Task) { task.Mounts = orchestra.Mounts{{Path: "a"}} }, "Mounts[0].Name", "is required"},
		"mount name with NUL": {func(task *orchestra.Task) { task.Mounts = orchestra.Mounts{{Name: "\x00", Path: "a"}} }, "Mounts[0].Name", "has a NUL at byte 0"},
		"mount names alike": {
			func(task *orchestra.Task) {
				task.Mounts = orchestra.Mounts{{Name: "m", Path: "a"}, {Name: "m", Path: "b"}}
			},
			"Mounts[1].Name", "is taken by Mounts[0]",
		},
		"default path taken":  {func(task *orchestra.Task) { task.Mounts = mountsAt("mm", "") }, "Mounts[1].Path", "is taken by Mounts[0]"},
		"mount path with NUL": {func(task *orchestra.Task) { task.Mounts = mountsAt("a\x00") }, "Mounts[0].Path", "has a NUL at byte 1"},
		"mount at the root":   {func(task *orchestra.Task) { task.Mounts = mountsAt("a", "./b/..") }, "Mounts[1].Path", "is the task's root itself"},
		"mount at slash":      {func(task *orchestra.Task) { task.Mounts = mountsAt("//") }, "Mounts[0].Path", "is the task's root itself"},
		"mount climbs":        {func(task *orchestra.Task) { task.Mounts = mountsAt("../a") }, "Mounts[0].Path", `climbs out with ".."`},
		"mount comes back":    {func(task *orchestra.Task) { task.Mounts = mountsAt("a/../../task/b") }, "Mounts[0].Path", `climbs out with ".."`},
		"absolute climbs":     {func(task *orchestra.Task) { task.Mounts = mountsAt("/../etc") }, "Mounts[0].Path", `climbs out with ".."`},
		"mount paths alike":   {func(task *orchestra.Task) { task.Mounts = mountsAt("data", "x", "/x/../data/") }, "Mounts[2].Path", "is taken by Mounts[0]"},
		"negative size":       {func(task *orchestra.Task) { task.Mounts = orchestra.Mounts{{Name: "m", Path: "a", SizeGB: -1}} }, "Mounts[0].SizeGB", "is negative"},
		"size overflows":      {func(task *orchestra.Task) { task.Mounts = orchestra.Mounts{{Name: "m", Path: "a", SizeGB: 1 << 33}} }, "Mounts[0].SizeGB", "is above 8589934591"},
		"negative CPU":        {func(task *orchestra.Task) { task.ContainerLimits.CPU = -1 }, "ContainerLimits.CPU", "is negative"},
		"negative memory":     {func(task *orchestra.Task) { task.ContainerLimits.Memory = -1 }, "ContainerLimits.Memory", "is negative"},
		"user by name":        {func(task *orchestra.Task) { task.User = "nobody" }, "User", `is not "root", "uid" or "uid:gid"`},
		"user not UTF-8":      {func(task *orchestra.Task) { task.User = "\xff" }, "User", "is not valid UTF-8 at byte 0"},
		"work dir climbs":     {func(task *orchestra.Task) { task.WorkDir = "../x" }, "WorkDir", `climbs out with ".."`},
		"work dir with NUL":   {func(task *orchestra.Task) { task.WorkDir = "x\x00" }, "WorkDir", "has a NUL at byte 1"},
	} {
		task := valid()
		test.change(&task)
		problems := problemsOf(t, task)
		assert.Len(t, problems, 1, name)
		assert.Contains(t, problems[test.field], test.problem, "%s: %v", name, problems)
	}
}

func TestValidateReportsEverythingAtOnceInOrder(t *testing.T) {
	task := orchestra.Task{
		ID: "build\n1", Image: "Busy Box", Command: []string{"sh", "\x00"}, Env: map[string]string{"B=": "", "A=": "", "TOKEN": "hunter2\x00"},
		Mounts: orchestra.Mounts{{Name: "m", Path: ".."}}, ContainerLimits: orchestra.ContainerLimits{CPU: -1, Memory: -2}, User: "me", WorkDir: "..",
	}
	want := `validating task "build\n1": Image "Busy Box": the repository is not lowercase; Command[1] "\x00": has a NUL at byte 0; ` +
		`Env["A="]: the name may hold only printable ASCII characters other than "="; Env["B="]: the name may hold only printable ASCII characters other than "="; ` +
		`Env["TOKEN"]: the value has a NUL at byte 7; Mounts[0].Path "..": climbs out with ".."; ContainerLimits.CPU "-1": is negative; ContainerLimits.Memory "-2": is negative; ` +
		`User "me": is not "root", "uid" or "uid:gid" with numbers from 0 to 2147483647; WorkDir "..": climbs out with ".."`
	for range 20 {
		require.EqualError(t, task.Validate(), want)
	}
	var field *orchestra.FieldError
	require.ErrorAs(t, task.Validate(), &field)
	assert.Equal(t, "Image", field.Field)
}

func TestValidateCutsLongValues(t *testing.T) {
	task := valid()
	task.Image = strings.Repeat("ä", 1_000_000)
	assert.EqualError(t, task.Validate(),
		`validating task "task": Image "`+strings.Repeat("ä", 32)+`"... (2000000 bytes): the repository is not lowercase letters and digits, separated by dots, dashes, underscores and slashes`)
}

func TestValidateKnowsNamedUsers(t *testing.T) {
	task := valid()
	task.User = "builder"
	assert.NoError(t, task.Validate("admin", "builder"))
	assert.Error(t, task.Validate("admin"))
}

func TestValidateVolume(t *testing.T) {
	assert.NoError(t, orchestra.ValidateVolume("any name ü", 0))
	assert.EqualError(t, orchestra.ValidateVolume("", -1), `validating volume "": Name: is required; Size "-1": is negative`)
	assert.EqualError(t, orchestra.ValidateVolume("a\xff", 1), `validating volume "a\xff": Name "a\xff": is not valid UTF-8 at byte 1`)
}

// The API server applies apimachinery's function; ours has to be the same without importing it.
func TestEnvNamesAreThoseOfKubernetes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []rune("AZaz09_-. =$\"'\\/:,~\x00\x1f\x7f\n\t\u0080ä日\u200b")
	for range 100_000 {
		var name strings.Builder
		for range random.IntN(6) {
			name.WriteRune(alphabet[random.IntN(len(alphabet))])
		}
		if random.IntN(10) == 0 {
			name.WriteByte(byte(random.IntN(256)))
		}
		task := valid()
		task.Env = map[string]string{name.String(): "value"}
		require.Equal(t, len(validation.IsRelaxedEnvVarName(name.String())) == 0, task.Validate() == nil, "%q", name.String())
	}
}

func FuzzValidate(f *testing.F) {
	f.Add("task", "busybox", "sh", "NAME", "value", "volume", "data", "1000:1000", "work")
	f.Add("\x00", "\xff", "", "A=B", "\x00", "", "../..", "root:", "..")
	f.Fuzz(func(t *testing.T, id, image, arg, name, value, volume, path, user, workDir string) {
		task := orchestra.Task{
			ID: id, Image: image, Command: []string{arg}, Env: map[string]string{name: value},
			Mounts: orchestra.Mounts{{Name: volume, Path: path}}, User: user, WorkDir: workDir,
		}
		err := task.Validate()
		if err == nil {
			assert.NotContains(t, strings.Join([]string{id, image, arg, name, value, volume, path, user, workDir}, ""), "\x00")
			return
		}
		assert.True(t, strings.HasPrefix(err.Error(), "validating task "))
		assert.NotContains(t, err.Error(), "\x00")
		assert.Equal(t, strings.ToValidUTF8(err.Error(), ""), err.Error(), "an error can always be printed and stored")
	})
}
