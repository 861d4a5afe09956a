package faultproxy

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestKind(t *testing.T) {
	for url, want := range map[string]string{
		"/version":                                    "GET /version",
		"/api/v1/namespaces/x/pods":                   "GET pods",
		"/api/v1/namespaces/x/pods/pods":              "GET pods",
		"/api/v1/namespaces/x/pods?watch=true":        "WATCH pods",
		"/api/v1/namespaces/x/pods/y/log?follow=true": "GET pods/log",
		"/apis/batch/v1/namespaces/x/jobs/y":          "GET jobs",
		"/api/v1/namespaces/x":                        "GET namespaces",
	} {
		assert.Equal(t, want, Kind(request(http.MethodGet, url)), url)
	}
}

func request(method, url string) *http.Request { return httptest.NewRequest(method, url, http.NoBody) }

// draw asks a plan about the same request again and again.
func draw(plan Plan, n int, r *http.Request) (names []string) {
	for range n {
		names = append(names, plan(r).Name)
	}
	return names
}

func TestSeededIsTheSameForTheSameSeed(t *testing.T) {
	patch := request(http.MethodPatch, "/api/v1/namespaces/x/pods/y")
	first := draw(Seeded(1, "a"), 200, patch)
	assert.Equal(t, first, draw(Seeded(1, "a"), 200, patch))
	assert.NotEqual(t, first, draw(Seeded(2, "a"), 200, patch))
	assert.NotEqual(t, first, draw(Seeded(1, "b"), 200, patch))

	mixed := Seeded(1, "a") // what others ask for meanwhile changes nothing
	other := request(http.MethodGet, "/api/v1/namespaces/x/pods")
	var interrupted []string
	for range 200 {
		interrupted = append(interrupted, mixed(patch).Name)
		mixed(other)
	}
	assert.Equal(t, first, interrupted)
}

func TestSeededIsBoundedAndDoesEverything(t *testing.T) {
	names := draw(Seeded(1, "a"), 5000, request(http.MethodGet, "/api/v1/namespaces/x/pods?watch=true"))
	row := 0
	for _, name := range names {
		if row++; name == "pass" {
			row = 0
		}
		assert.LessOrEqual(t, row, mostInARow)
	}
	for _, name := range []string{"pass", "lose request", "lose answer", "500", "429", "410", "410 in the stream", "cut answer", "end answer early", "black hole"} {
		assert.Contains(t, names, name)
	}
	assert.True(t, slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "delay by ") }))
}

func TestSeededSparesWhatCannotBeRepeated(t *testing.T) {
	attach := request(http.MethodGet, "/api/v1/namespaces/x/pods/y/attach")
	attach.Header.Set("Upgrade", "websocket")
	for name, spared := range map[*http.Request][]string{
		request(http.MethodGet, "/version"):                          {"lose request", "lose answer", "500", "black hole"},
		request(http.MethodPost, "/api/v1/namespaces/x/pods/y/exec"): {"cut answer", "cut upload"},
		attach: {"lose request", "lose answer", "cut answer", "black hole"},
		request(http.MethodGet, "/api/v1/namespaces/x/pods/y/log"): {"end answer early"}, // that would be a whole log to any client
	} {
		drawn := draw(Seeded(1, "a"), 1000, name)
		for _, fault := range spared {
			assert.False(t, slices.Contains(drawn, fault), "%s: %s", name.URL, fault)
		}
	}
}
