package toolserver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// maxMessage bounds one message of a server.
const maxMessage = 8 << 20

const (
	transportSSE = "sse"
	// placeholderMark begins what stands for a credential: nothing that a server says may be taken for one.
	placeholderMark = "{{credential:"
)

// web is the way to a server with a URL.
func (s *server) web(ctx context.Context) *line {
	requests := &requests{server: s, policy: s.policy(), ctx: ctx}
	client := &http.Client{Transport: requests}
	l := &line{hang: func() {}, end: func() {}, why: func(ctx context.Context, err error) error { return waited(ctx, requests.why(err)) }}
	if l.transport = (&mcp.StreamableClientTransport{Endpoint: s.settings.URL, HTTPClient: client, MaxEventSize: maxMessage}); s.settings.Transport == transportSSE {
		l.transport = &mcp.SSEClientTransport{Endpoint: s.settings.URL, HTTPClient: client, MaxEventSize: maxMessage}
	}
	return l
}

// quiet is how long a server may say nothing on a stream that it keeps open.
const quiet = 30 * time.Minute

// policy is what may be reached for this server: its own host, which is public and spoken to by https unless the owner says that
// it is private.
func (s *server) policy() egress.Policy {
	p := egress.Policy{Owner: s.owner(), Methods: []string{http.MethodGet, http.MethodPost, http.MethodDelete}, Idle: quiet}
	u, err := url.Parse(s.settings.URL)
	if err != nil {
		return p // the settings were checked
	}
	if s.settings.Private || privateHost(u.Hostname()) {
		p.Origins = []string{u.Scheme + "://" + u.Host}
		return p
	}
	p.Hosts = []string{u.Host}
	return p
}

// privateHost reports whether an address says itself that it is on this machine or a private network.
func privateHost(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && (a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast())
}

// requests makes a server's requests by the gateway's network.
type requests struct {
	*server
	policy egress.Policy
	ctx    context.Context // of the connection, with which all requests end but for the one that says that it is over
	last   lastError
}

// why prefers the network's own error to what the protocol's library makes of it.
func (q *requests) why(err error) error {
	own := q.last.take()
	switch {
	case own == nil || err == nil:
		return err
	case own.Code == wit.CodeForbidden && len(q.policy.Hosts) > 0:
		return wit.Errorf(own.Code, "%w (mcp.servers.%s.private says that the server is there)", own, q.name)
	}
	return own
}

// RoundTrip implements http.RoundTripper.
func (q *requests) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	stop := func() bool { return true }
	if r.Method != http.MethodDelete {
		stop = context.AfterFunc(q.ctx, cancel)
	}
	req, err := q.request(r)
	if err == nil {
		var res *egress.Response
		if res, err = q.Network.Stream(ctx, q.policy, q.credential, req); err == nil {
			q.last.keep(nil)
			return response(r, res, func() {
				stop()
				cancel()
			}), nil
		}
	}
	stop()
	cancel()
	if r.Method == http.MethodGet && q.settings.Transport != transportSSE && r.Context().Err() == nil {
		// The stream by which a server speaks first need not be there. The protocol's library would try again and again before
		// it goes on, whatever the context: it is told that there is none, and the list is read at times.
		q.log.Debug("no stream of news", "problem", q.said(err))
		return response(r, &egress.Response{Status: http.StatusMethodNotAllowed, Body: http.NoBody}, func() {}), nil
	}
	if own := (*wit.Error)(nil); errors.As(err, &own) {
		q.last.keep(own)
	}
	return nil, err
}

// request is a request of the protocol's library as the network makes them, with the owner's headers.
func (q *requests) request(r *http.Request) (*wit.HTTPRequest, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	req := &wit.HTTPRequest{Method: r.Method, URL: r.URL.String(), Timeout: patience.Milliseconds()}
	if r.Method == http.MethodPost {
		req.Timeout = max(q.timeout(), patience).Milliseconds()
	}
	if strings.Contains(req.URL, placeholderMark) {
		return nil, wit.NewError(wit.CodeForbidden, "the server wants requests to an address that names a credential")
	}
	for name, values := range r.Header {
		for _, value := range values {
			if strings.Contains(value, placeholderMark) { // such as the id of a session, which the server has chosen
				return nil, wit.Errorf(wit.CodeForbidden, "the server wants a header %.40s that names a credential", name)
			}
			if _, own := q.settings.Headers[name]; !own {
				req.Headers = append(req.Headers, wit.Header{Name: name, Value: value})
			}
		}
	}
	for name, value := range q.settings.Headers {
		req.Headers = append(req.Headers, wit.Header{Name: name, Value: value})
	}
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		req.Text = new(string(text))
	}
	return req, nil
}

// response is the network's as net/http has it. A body that is one message is bounded as a whole; of a stream, the protocol's
// library bounds each event.
func response(r *http.Request, res *egress.Response, closed func()) *http.Response {
	out := &http.Response{
		StatusCode: res.Status, Status: strings.TrimSpace(strconv.Itoa(res.Status) + " " + http.StatusText(res.Status)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: &body{res.Body, closed}, ContentLength: -1, Request: r,
	}
	for _, h := range res.Headers {
		out.Header.Add(h.Name, h.Value)
	}
	if !strings.HasPrefix(out.Header.Get("Content-Type"), "text/event-stream") {
		out.Body = &bounded{ReadCloser: out.Body, left: maxMessage}
	}
	return out
}

// body is one that tells when it is closed.
type body struct {
	io.ReadCloser
	closed func()
}

func (b *body) Close() error {
	defer b.closed()
	return b.ReadCloser.Close()
}

// bounded is a body that fails when it is longer than it may be.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, wit.Errorf(wit.CodeTooLarge, "the server's message has more than %d bytes", int64(maxMessage))
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// lastError is the last of the network's own errors.
type lastError struct {
	mu  sync.Mutex
	err *wit.Error
}

func (l *lastError) keep(err *wit.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *lastError) take() *wit.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// timeout is how long a call may take.
func (s *server) timeout() time.Duration {
	if s.settings.TimeoutSeconds > 0 {
		return time.Duration(s.settings.TimeoutSeconds) * time.Second
	}
	return defaultTimeout
}

const defaultTimeout = time.Minute
