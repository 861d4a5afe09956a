package render

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"kitten", "sitting", 3}, {"iamge", "image", 1}, {"naem", "name", 1},
		{"ab", "ba", 1}, {"ca", "abc", 3}, {"abcdef", "bacdfe", 2}, {"aab", "aba", 1},
	} {
		assert.Equal(t, c.want, editDistance(c.a, c.b), "%q, %q", c.a, c.b)
		assert.Equal(t, c.want, editDistance(c.b, c.a), "%q, %q", c.b, c.a)
	}
}

func TestNearestFindsMisspellings(t *testing.T) {
	known := map[string]any{"image": nil, "name": nil, "env": nil, "nodeSelector": nil, "tolerations": nil, "resources": nil}
	for name, want := range map[string]string{
		"iamge": "image", "naem": "name", "Image": "image", "evn": "env", "nodeSelectors": "nodeSelector", "node_selector": "nodeSelector",
		"toleration": "tolerations", "ressources": "resources", "gpuCount": "", "x": "", "": "",
	} {
		assert.Equal(t, want, nearest(name, known), "%q", name)
	}
}
