package faultproxy

import (
	"errors"
	"net"
	"net/http"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"
)

// upstream sends requests to the API server, with the credentials of its configuration.
type upstream struct {
	requests http.RoundTripper
	upgrades http.RoundTripper // HTTP/1.1, as HTTP/2 has no upgrades
	close    func()
}

func newUpstream(config *rest.Config) (*upstream, error) {
	config = rest.CopyConfig(config)
	dialer := connrotation.NewDialer((&net.Dialer{}).DialContext)
	config.Dial = dialer.DialContext // of its own, so that it can close all connections
	old := rest.CopyConfig(config)
	old.NextProtos = []string{"http/1.1"}
	u := &upstream{close: dialer.CloseAll}
	var errs [2]error
	u.requests, errs[0] = rest.TransportFor(config)
	u.upgrades, errs[1] = rest.TransportFor(old)
	return u, errors.Join(errs[:]...)
}

// RoundTrip implements http.RoundTripper.
func (u *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	if isUpgrade(r) {
		return u.upgrades.RoundTrip(r)
	}
	return u.requests.RoundTrip(r)
}
