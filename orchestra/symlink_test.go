package orchestra_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func TestCheckSymlink(t *testing.T) {
	for _, inside := range [][2]string{
		{"l", "x"}, {"l", "a/b/c"}, {"l", "."}, {"l", ""}, {"d/l", "../x"}, {"d/l", ".."}, {"a/b/l", "../../x/y"}, {"d/l", "./../x"}, {"l", "..x"}, {"l", "x..//y/"},
	} {
		assert.NoError(t, orchestra.CheckSymlink(inside[0], inside[1]), "%s -> %s", inside[0], inside[1])
	}
	for _, outside := range [][2]string{
		{"l", "/etc"}, {"l", ".."}, {"l", "../x"}, {"d/l", "../../x"}, {"d/l", "../../d/x"},
		{"d/l", "m/.."}, {"d/l", "../m/../x"}, // where m links to its own directory, m/.. is not d but the parent of d
	} {
		assert.Error(t, orchestra.CheckSymlink(outside[0], outside[1]), "%s -> %s", outside[0], outside[1])
	}
}
