package main

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// clock compares this machine's clock with that of the API server, whose every answer says the time (header Date, to the second).
type clock struct {
	mu   sync.Mutex
	skew time.Duration // server's time minus ours, of the newest answer
	read bool
}

// watch is a transport wrapper for rest.Config.Wrap.
func (c *clock) watch(next http.RoundTripper) http.RoundTripper {
	return &clockTransport{clock: c, next: next}
}

type clockTransport struct {
	clock *clock
	next  http.RoundTripper
}

// RoundTrip reads the time that the answer was sent.
func (t *clockTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if sent, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		t.clock.note(time.Until(sent))
	}
	return answer, nil
}

// WrappedRoundTripper lets client-go find the connections below.
func (t *clockTransport) WrappedRoundTripper() http.RoundTripper { return t.next }

func (c *clock) note(skew time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew, c.read = skew, true
}

// mostSkew is how much the clocks may differ: the answer's time is cut to the second and takes some time to arrive.
const mostSkew = 5 * time.Second

func checkClock(_ context.Context, p *patient) finding {
	p.clock.mu.Lock()
	skew, read := p.clock.skew, p.clock.read
	p.clock.mu.Unlock()
	switch {
	case !read:
		return finding{Grade: gradeNote, Found: "unknown: the API server does not say the time"}
	case skew.Abs() > mostSkew:
		return finding{
			Grade: gradeWrong, Found: "the API server's clock differs by " + skew.Round(time.Second).String(),
			Advice: "Set this machine's clock, or the server's, by NTP: sweep compares times of both, and tokens and certificates depend on them.",
		}
	}
	return finding{Grade: gradeOK, Found: "this machine and the API server agree within " + mostSkew.String()}
}
