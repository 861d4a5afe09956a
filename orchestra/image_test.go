package orchestra_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

func imageProblem(t testing.TB, image string) string {
	t.Helper()
	err := orchestra.Task{ID: "task", Image: image}.Validate()
	if err == nil {
		return ""
	}
	var invalid *orchestra.InvalidError
	require.ErrorAs(t, err, &invalid)
	require.Len(t, invalid.Problems, 1)
	require.Equal(t, "Image", invalid.Problems[0].Field)
	return invalid.Problems[0].Problem
}

func TestImageReferences(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0f", 32)
	for _, image := range []string{
		"busybox", "busybox:1.37", "busybox:latest@" + digest, "busybox@" + digest, "a", "0", "team/tool", "a/b/c/d",
		"localhost/tool", "localhost:5000/tool", "registry.example/tool", "registry.example:5000/team/tool:v1.2.3-rc_4",
		"Registry/tool", "127.0.0.1:5000/tool", "[::1]:5000/tool", "[2001:db8::1]/tool", "docker.io/busybox",
		"a.b", "a__b", "a---b", "a_b/c.d", "tool:_tag", "tool:" + strings.Repeat("t", 128),
		"tool@sha512:" + strings.Repeat("a", 128), "tool@sha384:" + strings.Repeat("a", 96),
		strings.Repeat("a", 247), "docker.io/" + strings.Repeat("a", 247), "host.example/" + strings.Repeat("a", 255), "a/" + strings.Repeat("a", 253),
		"xn--bcher-kva.example/tool", "host_x.example/tool", "a-b.example/tool",
	} {
		assert.Empty(t, imageProblem(t, image), "%q", image)
	}
}

func TestImageReferencesRefused(t *testing.T) {
	hex := strings.Repeat("0", 64)
	const domain, repository, tag, digest, length = "the registry", "the repository is", "the tag", "the digest", "longer than 255"
	for image, problem := range map[string]string{
		"Busybox": repository, "busybox/Tool": repository, "host.example/Tool": repository, "bus ybox": repository, " busybox": repository,
		"busybox ": repository, "busybox\n": repository, "a//b": repository, "/a": repository, "a/": repository, "a..b": repository, "a___b": repository,
		"-a": repository, "a-": repository, ".a": repository, "a._b": repository, "$(IMAGE)": repository, "ü": repository,
		"a b.example/tool": domain, "https://host.example/tool": domain, "host.example:/tool": domain, "host.example:http/tool": domain, "-host.example/tool": domain,
		"host..example/tool": domain, "[::1/tool": domain, "[::g]/tool": domain, "a:b/c": domain, "host.example:1:2/tool": domain,
		"tool:": tag, "tool:-a": tag, "tool:.a": tag, "tool:a b": tag, "tool:a:b": tag, "tool:" + strings.Repeat("t", 129): tag, "tool:ü": tag,
		"tool@": digest, "tool@sha256": digest, "tool@sha256:": digest, "tool@" + hex: digest, "tool@sha256:" + hex[1:]: digest, "tool@sha256:0" + hex: digest,
		"tool@sha256:" + strings.Repeat("A", 64): digest, "tool@md5:" + hex[:32]: digest, "tool@sha256:" + hex + "@sha256:" + hex: digest, "tool@:": digest,
		hex:                      "is an image ID",
		strings.Repeat("a", 248): length, "docker.io/" + strings.Repeat("a", 248): length, "host.example/" + strings.Repeat("a", 256): length, "a/" + strings.Repeat("a", 254): length,
	} {
		assert.Contains(t, imageProblem(t, image), problem, "%q", image)
	}
}

func FuzzImageReferences(f *testing.F) {
	for _, seed := range []string{"busybox", "localhost:5000/a/b:c@sha256:" + strings.Repeat("0", 64), "[::1]:1/a", "a:b/c", "@", ":", "/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, image string) {
		problem := imageProblem(t, image)
		assert.Equal(t, problem, imageProblem(t, image))
		if problem == "" && !strings.Contains(image, "@") {
			assert.Empty(t, imageProblem(t, image+"@sha256:"+strings.Repeat("0", 64)), "a digest may follow every reference without one")
		}
	})
}
