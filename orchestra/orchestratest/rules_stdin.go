package orchestratest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing/iotest"

	"github.com/stretchr/testify/assert"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

var stdinRules = []rule{
	{
		"stdin arrives whole",
		"0 bytes, a few and 1 MiB of binary data reach the task byte for byte, followed by an end.",
		stdinArrives,
	},
	{
		"a task without stdin sees its end",
		"a program that reads its standard input is not left waiting when there is none.",
		func(s *subject) {
			assert.Equal(s, "0", strings.TrimSpace(s.succeed(shell("no-stdin", "cat | wc -c"))))
		},
	},
	{
		"stdin may be ignored",
		"a task that ends without reading its input is as good as its exit code.",
		func(s *subject) {
			task := shell("ignores", "echo done")
			task.Stdin = bytes.NewReader(make([]byte, 1<<20))
			assert.Equal(s, "done\n", s.succeed(task))
		},
	},
	{
		"a stdin that fails is no success",
		"a task that was given half of its input cannot tell it from all of it, and must not be taken for a success.",
		func(s *subject) {
			task := shell("cut", "cat >/dev/null")
			task.Stdin = io.MultiReader(strings.NewReader("half of the input"), iotest.ErrReader(errBroken))
			status := s.await(s.run(task))
			assert.NotZero(s, status.ExitCode(), explain(status))
		},
	},
}

func stdinArrives(s *subject) {
	containers := map[int]orchestra.Container{}
	want := map[int]string{}
	for _, size := range []int{0, 1, 1000, 1 << 20} {
		data := make([]byte, size)
		_, _ = rand.NewChaCha8([32]byte{1}).Read(data) // never fails
		want[size] = fmt.Sprintf("%x", sha256.Sum256(data))
		task := shell(fmt.Sprintf("stdin-%d", size), "sha256sum")
		task.Stdin = bytes.NewReader(data)
		containers[size] = s.run(task)
	}
	for size, container := range containers {
		sum, _, _ := strings.Cut(s.succeeded(container), " ")
		assert.Equal(s, want[size], sum, "%d bytes", size)
	}
}
