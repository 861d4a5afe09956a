package faultproxy

import (
	"bufio"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const long = 100_000

// backend is a server that counts requests, wants a credential, and echoes what is sent over an upgraded connection.
type backend struct {
	*httptest.Server
	seen atomic.Int64
}

func newBackend(t *testing.T) *backend {
	b := &backend{}
	b.Server = httptest.NewUnstartedServer(b)
	b.EnableHTTP2 = true
	b.StartTLS()
	t.Cleanup(b.Close)
	return b
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.seen.Add(1)
	switch {
	case r.Header.Get("Authorization") != "Bearer secret":
		w.WriteHeader(http.StatusUnauthorized)
	case isUpgrade(r):
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", r.Header.Get("Upgrade"))
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, both, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = io.Copy(conn, both)
			_ = conn.Close()
		}
	case isWatch(r):
		_, _ = io.WriteString(w, "first\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	default:
		_, _ = io.WriteString(w, strings.Repeat("x", long))
	}
}

func (b *backend) config() *rest.Config {
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.Certificate().Raw})
	return &rest.Config{Host: b.URL, BearerToken: "secret", TLSClientConfig: rest.TLSClientConfig{CAData: certificate}}
}

// spoiled is a proxy that does one fault to all requests, and a client of it.
func spoiled(t *testing.T, f Fault) (*backend, *Proxy, *http.Client) {
	b := newBackend(t)
	p := Start(t, b.config(), func(*http.Request) Fault { return f })
	client, err := rest.HTTPClientFor(p.Config())
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return b, p, client
}

func get(t *testing.T, p *Proxy, client *http.Client, path string) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, p.Config().Host+path, http.NoBody) // which no client repeats by itself
	require.NoError(t, err)
	res, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, text, err
}

func TestPassAddsTheCredentials(t *testing.T) {
	b, p, client := spoiled(t, Fault{})
	res, text, err := get(t, p, client, "/x")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, 2, res.ProtoMajor)
	assert.Len(t, text, long)
	assert.Equal(t, int64(1), b.seen.Load())
	assert.Equal(t, map[string]int{"pass": 1}, p.Faults())
}

func TestBrokenConnections(t *testing.T) {
	for name, test := range map[string]struct {
		fault Fault
		seen  int64
	}{
		"the request is lost": {LoseRequest, 0},
		"the answer is lost":  {LoseAnswer, 1},
		"silence, then reset": {BlackHole(50 * time.Millisecond), 0},
	} {
		t.Run(name, func(t *testing.T) {
			b, p, client := spoiled(t, test.fault)
			_, _, err := get(t, p, client, "/x")
			require.Error(t, err)
			assert.Equal(t, test.seen, b.seen.Load())
		})
	}
}

func TestAnswersThatAreTooShort(t *testing.T) {
	for name, test := range map[string]struct {
		fault Fault
		clean bool
	}{
		"with an error": {CutAfter(10), false},
		"cleanly":       {EndAfter(10), true},
	} {
		t.Run(name, func(t *testing.T) {
			_, p, client := spoiled(t, test.fault)
			_, text, err := get(t, p, client, "/x")
			assert.Len(t, text, 10)
			assert.Equal(t, test.clean, err == nil, "%v", err)
		})
	}
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		fault  Fault
		code   int
		header string
		reason metav1.StatusReason
	}{
		"429": {Overload(3), http.StatusTooManyRequests, "3", metav1.StatusReasonTooManyRequests},
		"500": {Break, http.StatusInternalServerError, "", metav1.StatusReasonInternalError},
		"410": {Expire, http.StatusGone, "", metav1.StatusReasonExpired},
	} {
		t.Run(name, func(t *testing.T) {
			b, p, client := spoiled(t, test.fault)
			res, text, err := get(t, p, client, "/x")
			require.NoError(t, err)
			var status metav1.Status
			require.NoError(t, json.Unmarshal(text, &status))
			assert.Equal(t, test.code, res.StatusCode)
			assert.Equal(t, test.header, res.Header.Get("Retry-After"))
			assert.Equal(t, test.reason, status.Reason)
			assert.Zero(t, b.seen.Load())
		})
	}
}

func TestDelayPassesLater(t *testing.T) {
	_, p, client := spoiled(t, Delay(50*time.Millisecond))
	began := time.Now()
	_, text, err := get(t, p, client, "/x")
	require.NoError(t, err)
	assert.Len(t, text, long)
	assert.GreaterOrEqual(t, time.Since(began), 50*time.Millisecond)
}

func TestExpireStreamEndsAWatch(t *testing.T) {
	_, p, client := spoiled(t, ExpireStream(time.Millisecond))
	_, text, err := get(t, p, client, "/x?watch=1")
	require.NoError(t, err)
	var event struct {
		Type   string
		Object metav1.Status
	}
	require.NoError(t, json.Unmarshal(text, &event))
	assert.Equal(t, "ERROR", event.Type)
	assert.Equal(t, int32(http.StatusGone), event.Object.Code)
}

func TestABlackHoleAnswersNobodyOnItsConnection(t *testing.T) {
	swallowed := make(chan *conn, 1)
	b := newBackend(t)
	p := Start(t, b.config(), func(r *http.Request) Fault {
		if r.URL.Path == "/hole" {
			swallowed <- connOf(r.Context())
			return BlackHole(0)
		}
		return Pass
	})
	client, err := rest.HTTPClientFor(p.Config())
	require.NoError(t, err)
	_, _, err = get(t, p, client, "/x") // opens the one connection of the client
	require.NoError(t, err)
	ask := func(ctx context.Context, path string) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Config().Host+path, http.NoBody)
		require.NoError(t, err)
		res, err := client.Do(req)
		if err == nil {
			err = res.Body.Close()
		}
		return err
	}
	ctx, cancel := context.WithCancel(t.Context())
	lost := make(chan error, 1)
	go func() { lost <- ask(ctx, "/hole") }()
	<-(<-swallowed).frozen
	short, stop := context.WithTimeout(ctx, 200*time.Millisecond)
	defer stop()
	require.ErrorIs(t, ask(short, "/y"), context.DeadlineExceeded)
	cancel()
	require.ErrorIs(t, <-lost, context.Canceled)
	assert.Equal(t, int64(1), b.seen.Load())
}

// upgrade opens a connection through the proxy that is no HTTP any more.
func upgrade(t *testing.T, p *Proxy) (io.ReadWriteCloser, error) {
	config := p.Config()
	config.NextProtos = []string{"http/1.1"}
	transport, err := rest.TransportFor(config)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, config.Host+"/x", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "SPDY/3.1")
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
	return res.Body.(io.ReadWriteCloser), nil
}

func TestUpgradesPass(t *testing.T) {
	_, p, _ := spoiled(t, Pass)
	conn, err := upgrade(t, p)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "hello\n")
	require.NoError(t, err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "hello\n", line)
}

func TestUpgradesAreCut(t *testing.T) {
	const most = 50_000
	for name, test := range map[string]struct {
		fault  Fault
		silent bool
	}{
		"up": {CutUpload(most), false}, "down": {CutDownload(most), false},
		"up, silently": {SwallowUpload(most), true}, "down, silently": {SwallowDownload(most), true},
	} {
		t.Run(name, func(t *testing.T) {
			_, p, _ := spoiled(t, test.fault)
			conn, err := upgrade(t, p)
			require.NoError(t, err)
			if test.silent {
				defer time.AfterFunc(200*time.Millisecond, func() { _ = conn.Close() }).Stop()
			}
			go func() { _, _ = io.WriteString(conn, strings.Repeat("x", long)) }()
			began := time.Now()
			n, err := io.Copy(io.Discard, conn) // it ends without an error if the writer was told of the reset
			assert.LessOrEqual(t, n, int64(most))
			if test.silent {
				assert.GreaterOrEqual(t, time.Since(began), 200*time.Millisecond, "it was to stay: %v", err)
			}
			_ = conn.Close()
		})
	}
	b, p, _ := spoiled(t, LoseAnswer)
	_, err := upgrade(t, p)
	require.Error(t, err)
	assert.Equal(t, int64(1), b.seen.Load())
}

func TestFreezeSilencesWhatIsOpen(t *testing.T) {
	_, p, _ := spoiled(t, Pass)
	conn, err := upgrade(t, p)
	require.NoError(t, err)
	p.Freeze()
	_, err = io.WriteString(conn, "hello\n")
	require.NoError(t, err)
	defer time.AfterFunc(200*time.Millisecond, p.Reset).Stop()
	n, err := io.Copy(io.Discard, conn)
	require.Error(t, err)
	assert.Zero(t, n)
	_ = conn.Close()
	other, err := upgrade(t, p)
	require.NoError(t, err, "a new connection is none of those")
	require.NoError(t, other.Close())
}

func TestKubeconfigLeadsToTheProxy(t *testing.T) {
	b, p, _ := spoiled(t, Pass)
	config, err := clientcmd.BuildConfigFromFlags("", p.Kubeconfig(t))
	require.NoError(t, err)
	client, err := rest.HTTPClientFor(config)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	_, text, err := get(t, p, client, "/x")
	require.NoError(t, err)
	assert.Len(t, text, long)
	assert.Equal(t, int64(1), b.seen.Load())
}

// A forward proxy connects to whatever it is asked for, or what its plan makes of that, and its faults spoil the connection.
func TestForward(t *testing.T) {
	b := newBackend(t)
	const hidden = "hidden.invalid:443"
	var fault atomic.Pointer[Fault]
	p := StartForward(t, func(r *http.Request) Fault {
		if r.Host == hidden {
			r.Host = b.Listener.Addr().String()
		}
		return *fault.Load()
	})
	fault.Store(&Pass)
	config := b.config()
	config.Proxy = p.Choose
	config.Host, config.ServerName = "https://"+hidden, "127.0.0.1"
	client, err := rest.HTTPClientFor(config)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	ask := func() error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, config.Host, http.NoBody)
		require.NoError(t, err)
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		assert.Len(t, text, long)
		return nil
	}
	require.NoError(t, ask())
	p.Reset()
	for _, spoil := range []Fault{Refuse(http.StatusBadGateway), LoseRequest, CutDownload(200), CutUpload(200)} {
		fault.Store(&spoil)
		require.Error(t, ask(), spoil.Name)
		fault.Store(&Pass)
		require.NoError(t, ask(), spoil.Name)
		p.Reset()
	}
	assert.Equal(t, int64(5), b.seen.Load())
}
