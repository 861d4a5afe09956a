package registry

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// filled serves one public and the private image.
func filled(t *testing.T) Config {
	t.Helper()
	c := Config{Username: "jane", Password: "secret"}
	server := httptest.NewServer(Handler(c))
	t.Cleanup(server.Close)
	c.Address = strings.TrimPrefix(server.URL, "http://")
	image, err := random.Image(100, 1)
	require.NoError(t, err)
	for _, reference := range []string{mirrored[0], PrivateImage} {
		require.NoError(t, c.push(t.Context(), reference, image))
	}
	return c
}

func get(t *testing.T, c Config, reference string, auth authn.Authenticator) error {
	t.Helper()
	tag, err := name.NewTag(c.Address+"/"+reference, name.Insecure)
	require.NoError(t, err)
	_, err = remote.Get(tag, remote.WithAuth(auth))
	return err
}

func TestAnybodyReadsThePublicImages(t *testing.T) {
	assert.NoError(t, get(t, filled(t), mirrored[0], authn.Anonymous))
}

func TestThePrivateImageNeedsTheCredentials(t *testing.T) {
	c := filled(t)
	require.NoError(t, get(t, c, PrivateImage, &authn.Basic{Username: c.Username, Password: c.Password}))
	for _, auth := range []authn.Authenticator{
		authn.Anonymous,
		&authn.Basic{Username: c.Username, Password: "wrong"},
		&authn.Basic{Username: "joe", Password: c.Password},
	} {
		assert.ErrorContains(t, get(t, c, PrivateImage, auth), "UNAUTHORIZED")
	}
}

func TestAnUnknownImageIsNotFound(t *testing.T) {
	assert.ErrorContains(t, get(t, filled(t), "library/nginx:latest", authn.Anonymous), "UNKNOWN")
}

func TestNobodyElseMayPush(t *testing.T) {
	c := filled(t)
	resp, err := http.Post("http://"+c.Address+"/v2/library/busybox/blobs/uploads/", "", nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
}

func TestReadConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.json")
	want := Config{Address: "127.0.0.1:1", Busybox: "/b", Username: "u", Password: "p"}
	content, err := json.Marshal(want)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	got, err := ReadConfig(path)
	require.NoError(t, err)
	assert.Equal(t, want, got)

	require.NoError(t, os.WriteFile(path, []byte("{"), 0o600))
	_, err = ReadConfig(path)
	assert.ErrorContains(t, err, path)
}
