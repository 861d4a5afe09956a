package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// krewPlugin is what krew reads of a manifest (krew.sigs.k8s.io/docs/developer-guide/plugin-manifest).
type krewPlugin struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string `json:"version"`
		Homepage         string `json:"homepage"`
		ShortDescription string `json:"shortDescription"`
		Description      string `json:"description"`
		Caveats          string `json:"caveats"`
		Platforms        []struct {
			Selector struct {
				MatchLabels map[string]string `json:"matchLabels"`
			} `json:"selector"`
			URI    string `json:"uri"`
			SHA256 string `json:"sha256"`
			Bin    string `json:"bin"`
		} `json:"platforms"`
	} `json:"spec"`
}

// krewManifest fills the manifest's template as krew-release-bot does: sum says what is put in for an archive.
func krewManifest(t *testing.T, sum func(archive string) string) krewPlugin {
	t.Helper()
	const tag = "v1.2.3"
	add := func(uri, version string) (string, error) {
		// The bot fills the address, too, and indents the second line as the template's own.
		inner, err := template.New("").Parse(uri)
		if err != nil {
			return "", err
		}
		var filled strings.Builder
		err = inner.Execute(&filled, map[string]string{"TagName": version})
		name := filled.String()[strings.LastIndex(filled.String(), "/")+1:]
		return fmt.Sprintf("uri: %s\n    sha256: %s", filled.String(), sum(name)), err
	}
	text, err := os.ReadFile("../../.krew.yaml")
	require.NoError(t, err)
	page, err := template.New(".krew.yaml").Funcs(template.FuncMap{"addURIAndSha": add}).Parse(string(text))
	require.NoError(t, err)
	var filled strings.Builder
	require.NoError(t, page.Execute(&filled, map[string]string{"TagName": tag}))
	var plugin krewPlugin
	require.NoError(t, yaml.UnmarshalStrict([]byte(filled.String()), &plugin), filled.String())
	return plugin
}

func TestKrewsManifestNamesWhatIsBuilt(t *testing.T) {
	plugin := krewManifest(t, func(string) string { return strings.Repeat("0", 64) })
	assert.Equal(t, "krew.googlecontainertools.github.com/v1alpha2 Plugin orchestra v1.2.3",
		strings.Join([]string{plugin.APIVersion, plugin.Kind, plugin.Metadata.Name, plugin.Spec.Version}, " "))
	assert.LessOrEqual(t, len(plugin.Spec.ShortDescription), 50, "krew's own rule")
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	built := strings.Fields(regexp.MustCompile(`(?m)^PLATFORMS := (.*)$`).FindStringSubmatch(string(makefile))[1])
	var named []string
	for _, platform := range plugin.Spec.Platforms {
		name := platform.Selector.MatchLabels["os"] + "_" + platform.Selector.MatchLabels["arch"]
		named = append(named, name)
		assert.True(t, strings.HasSuffix(platform.URI, "/v1.2.3/kubectl-orchestra_"+name+".tar.gz"), platform.URI)
		assert.Equal(t, "kubectl-orchestra", platform.Bin)
	}
	assert.Equal(t, built, named)
}
