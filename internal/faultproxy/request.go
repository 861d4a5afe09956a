package faultproxy

import (
	"net/http"
	"regexp"
	"strings"
)

var apiRoot = regexp.MustCompile(`^/(api/[^/]+|apis/[^/]+/[^/]+)/(namespaces/[^/]+/)?`)

// Kind is the request without names: "PATCH pods", "WATCH pods", "GET pods/log", "GET /version".
func Kind(r *http.Request) string {
	method := r.Method
	if isWatch(r) {
		method = "WATCH"
	}
	rest := apiRoot.ReplaceAllString(r.URL.Path, "")
	if strings.HasPrefix(rest, "/") {
		return method + " " + rest
	}
	parts := strings.Split(rest, "/") // resource, name, subresource
	if len(parts) > 2 {
		return method + " " + parts[0] + "/" + parts[2]
	}
	return method + " " + parts[0]
}

func isWatch(r *http.Request) bool { return r.URL.Query().Get("watch") != "" }

func isUpgrade(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }

// isStream tells the answers that do not end by themselves.
func isStream(r *http.Request) bool {
	return isWatch(r) || isUpgrade(r) || r.URL.Query().Get("follow") != ""
}
