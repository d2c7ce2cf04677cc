// Package egress makes HTTP requests and connections on behalf of plugins, within what a Policy permits.
//
// It owns every outgoing connection that a plugin causes. It refuses what the policy does not name
// (host, method, path), plain http and private networks except for origins that the gateway's owner
// configured, and every address that is not public after resolution; the connection is then made to
// the very address that was checked, and each redirect is treated like a request of its own.
//
// `{{credential:name}}` in a URL's path or a header's value is replaced just before a request goes out,
// after the policy has been checked; in the query and the body only when the request says Fill, for
// chats and answers of models stand there. A percent-encoded placeholder is never one. What carries a
// credential is dropped when a redirect leaves the origin it was meant for, no error or log line contains one, and
// what comes back is freed of it (see leak.Forms). What a plugin writes into a request by itself is looked at too: see
// Config.Leaks.
//
// Open makes connections that stay: websockets, event streams, and tcp or tls, cut into lines, packets or pieces. The
// same holds for them, they do not follow a redirect to another protocol, and their frames are bounded.
//
// Responses are bounded: Do buffers at most Limits.Response, moves large binary bodies to the media
// store, and Stream ends a body that stays silent for Limits.Idle. Connections are pooled per owner of
// a policy and never shared between owners, nor between public and owner-configured origins. A Client
// is safe for concurrent use.
package egress

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Resolver finds the addresses of a host; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Media holds the files that a request sends or a response is too large for.
type Media interface {
	// Open returns the file and what is known of it, or CodeNotFound. The caller closes it.
	Open(ctx context.Context, id string) (io.ReadCloser, wit.MediaInfo, error)
	// Store keeps all of body, of which info gives type and name, and returns its id.
	Store(ctx context.Context, info wit.MediaInfo, body io.Reader) (id string, err error)
}

// Config is what a Client needs. The zero value works.
type Config struct {
	// Resolver is net.DefaultResolver when nil.
	Resolver Resolver
	// Dial connects to an address that was checked; a net.Dialer's when nil.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS is the system's trust when nil.
	TLS *tls.Config
	// Media may be nil: what needs it then fails with CodeTooLarge or CodeUnavailable.
	Media  Media
	Limits Limits
	// Leaks is asked about each text that an owner of a policy wants to send, as the owner wrote it: an error, without the text
	// in it, keeps the whole message from being sent. It has to be quick. nil asks nobody. Media files are not looked at.
	Leaks func(owner, where, text string) error
}

// Limits of one request; a zero field has the default named beside it.
// They bound what one plugin can make the gateway hold and how long it can make it wait. A timeout in a request
// can only be shorter than MaxTimeout.
type Limits struct {
	Request    int64         // bytes of text and bytes that are sent: the contract's
	Upload     int64         // bytes that are sent, media files included: the contract's
	Response   int64         // bytes that Do buffers: the contract's
	Timeout    time.Duration // of a request that names none: the contract's
	MaxTimeout time.Duration // of any request: the contract's
	Head       time.Duration // until a stream's response begins: 2 min
	Idle       time.Duration // of a stream that says nothing: 2 min
	Connect    time.Duration // until a connection is open: 15 s
	Ping       time.Duration // between the pings of a websocket, and until one is answered: 10 s, so that silence is noticed in 20
	Silence    time.Duration // of an event stream that is a connection: 5 min
}

// What no configuration changes.
// The contract names all but the redirects, so a plugin may rely on them under each gateway.
const (
	maxRedirects = 5
	maxURL       = wit.LimitHTTPURLBytes
	maxHeaders   = wit.LimitHTTPHeaders
	maxHeaderLen = wit.LimitHTTPHeaderBytes
	inlineBytes  = wit.LimitHTTPInlineBytes
	maxParts     = wit.LimitHTTPParts
)

func (l Limits) withDefaults() Limits {
	def := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	wait := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.Request, wit.LimitHTTPRequestBytes)
	def(&l.Upload, wit.LimitHTTPUploadBytes)
	def(&l.Response, wit.LimitHTTPResponseBytes)
	wait(&l.Timeout, wit.HTTPRequestTimeoutDefault*time.Millisecond)
	wait(&l.MaxTimeout, wit.HTTPRequestTimeoutCut*time.Millisecond)
	wait(&l.Head, 2*time.Minute)
	wait(&l.Idle, 2*time.Minute)
	wait(&l.Connect, 15*time.Second)
	wait(&l.Ping, 10*time.Second)
	wait(&l.Silence, 5*time.Minute)
	return l
}

// wait is how long a request may wait: as long as it asks for, within MaxTimeout, or the usual time if it does not ask.
func (l Limits) wait(req *wit.HTTPRequest, usual time.Duration) time.Duration {
	if req.Timeout <= 0 {
		return usual
	}
	return time.Duration(min(req.Timeout, l.MaxTimeout.Milliseconds())) * time.Millisecond
}

// Credentials returns a secret by its name: CodeForbidden for one that may not be used here,
// CodeNotFound for one that is not set.
type Credentials func(name string) (string, error)

// Client makes requests.
type Client struct {
	resolver Resolver
	dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	tls      *tls.Config
	media    Media
	limits   Limits
	leaks    func(owner, where, text string) error

	mu    sync.Mutex
	pools map[poolKey]*http.Transport
}

// New returns a Client; Close ends it.
func New(c Config) *Client {
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	return &Client{resolver: c.Resolver, dial: c.Dial, tls: c.TLS, media: c.Media,
		limits: c.Limits.withDefaults(), leaks: c.Leaks, pools: map[poolKey]*http.Transport{}}
}

// Close closes idle connections. Requests that run go on.
func (c *Client) Close() { c.forget(func(poolKey) bool { return true }) }

// Forget closes an owner's idle connections, when its plugin is gone or its permissions have changed.
func (c *Client) Forget(owner string) { c.forget(func(k poolKey) bool { return k.owner == owner }) }

// Do makes a request and buffers the response. The response's id is the request's.
//
// Errors: CodeInvalid for a malformed request; CodeForbidden for what the policy, an address or a
// credential's permission forbids; CodeNotFound for a credential or media file that is not there;
// CodeTooLarge; CodeTimeout; CodeUnavailable when the other side does not answer.
func (c *Client) Do(ctx context.Context, p Policy, creds Credentials, req *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limits.wait(req, c.limits.Timeout))
	defer cancel()
	m, err := c.prepare(ctx, p, creds, req)
	if err != nil {
		return nil, m.scrub(err)
	}
	res, err := c.follow(ctx, m)
	if err != nil {
		return nil, m.scrub(coded(ctx, m, err))
	}
	defer res.Body.Close()
	m.clean(res)
	out := &wit.HTTPResponse{ID: req.ID, Status: uint16(res.StatusCode), Headers: headersOf(res.Header)}
	if err := c.readBody(ctx, res, out); err != nil {
		return nil, m.scrub(coded(ctx, m, err))
	}
	return out, nil
}

// Response is the head of a streamed response and its body, which the caller closes.
type Response struct {
	Status  int
	Headers []wit.Header
	Body    io.ReadCloser
}

// Stream makes a request and returns as soon as the response begins. The request's timeout, or Limits.Head, bounds the
// wait for the head and again that for the body's first byte: some servers send the one at once, and the other only
// when they have begun to work. After that, reads of the body fail with CodeTimeout after Limits.Idle of silence, or the policy's. They
// fail with CodeUnavailable when the connection breaks or ctx ends. Errors are those of Do.
func (c *Client) Stream(ctx context.Context, p Policy, creds Credentials, req *wit.HTTPRequest) (*Response, error) {
	head := c.limits.wait(req, c.limits.Head)
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(head, func() { cancel(errSilent) })
	m, err := c.prepare(ctx, p, creds, req)
	var res *http.Response
	if err == nil {
		res, err = c.follow(ctx, m)
	}
	if err != nil {
		timer.Stop()
		err = m.scrub(coded(ctx, m, err))
		cancel(nil)
		return nil, err
	}
	m.clean(res)
	// From here on the timer belongs to the body, which sets it back with each read.
	idle := c.limits.Idle
	if p.Idle > 0 {
		head, idle = p.Idle, p.Idle
	}
	timer.Reset(head)
	body := &idleBody{ctx: ctx, cancel: cancel, timer: timer, idle: idle, body: res.Body, m: m}
	return &Response{Status: res.StatusCode, Headers: headersOf(res.Header), Body: body}, nil
}
