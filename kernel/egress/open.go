package egress

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Open opens a connection under the rules of requests: what the policy permits, to addresses that were
// checked, with credentials in the path and the headers. A websocket and an event stream are a GET; for
// tcp and tls see Policy.Hosts. It takes at most Limits.Connect, and the connection ends with ctx.
//
// creds is asked again for frames that are filled in, for as long as the connection lasts.
//
// Errors: those of Do, CodeUnauthorized when the other side asks for another credential, CodeRateLimited
// when it says so.
func (c *Client) Open(ctx context.Context, p Policy, creds Credentials, o *wit.OpenConnection) (*Conn, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	conn := &Conn{ctx: ctx, cancel: cancel, creds: creds, leaks: c.leaks, media: c.media, m: &message{policy: p}}
	timer := newTimer(c.limits.Connect, cancel)
	err := conn.connect(c, o)
	timer.Stop()
	if err != nil {
		err = conn.m.scrub(coded(ctx, conn.m, err))
		cancel(nil)
		return nil, err
	}
	// This is the one place that closes the wire, whatever ended the context: Close, the caller, or silence.
	context.AfterFunc(ctx, conn.wire.close)
	return conn, nil
}

// connect opens the wire of the transport that was asked for; a websocket where none is named.
func (c *Conn) connect(client *Client, o *wit.OpenConnection) (err error) {
	switch o.Transport {
	case wit.TransportWebsocket, "":
		err = c.webSocket(client, o)
	case wit.TransportSSE:
		err = c.eventStream(client, o)
	case wit.TransportTCP, wit.TransportTLS:
		err = c.raw(client, o)
	default:
		err = wit.Errorf(wit.CodeInvalid, "http: unknown transport %.20q: use websocket, sse, tcp or tls", o.Transport)
	}
	return err
}

// prepare makes the connection's message of the request that opens it.
func (c *Conn) prepare(client *Client, rawURL string, o *wit.OpenConnection) (r route, err error) {
	c.m, err = client.prepare(c.ctx, c.m.policy, c.creds, &wit.HTTPRequest{URL: rawURL, Headers: o.Headers, Fill: o.Fill})
	if err != nil {
		return route{}, err
	}
	c.asked = c.m.url
	// Asked once more for the url with its credentials, as for each request.
	return c.m.policy.allow(c.m.method, c.m.url, true)
}

// refused is what a response means that does not open a connection.
// A platform that answers 401 or 403 will do so again, so the code is one that is not retried.
func (c *Conn) refused(status int, header http.Header, why string) error {
	code, hint, wait := wit.CodeUnavailable, "", pause(header)
	switch status {
	case 401, 403:
		code, hint = wit.CodeUnauthorized, ": check the credential"
	case 429:
		code, hint, wait = wit.CodeRateLimited, ": it wants fewer attempts", max(wait, time.Second)
	}
	if code.Transient() && wait > 0 {
		return wit.ErrorAfter(code, wait, "http: %s answered %d%s%s", c.m.shown, status, why, hint)
	}
	return wit.Errorf(code, "http: %s answered %d%s%s", c.m.shown, status, why, hint)
}

// pause is how long the other side wants to be left alone, at most a day; 0 when it does not say. It says so in seconds, or by
// a date in one of HTTP's three forms, by its own clock where it says what that is (RFC 9110, sections 5.6.7 and 10.2.3).
func pause(header http.Header) time.Duration {
	const most = 24 * time.Hour
	asked := header.Get("Retry-After")
	seconds, err := strconv.ParseUint(asked, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) { // the largest number stands for one that is out of range
		return time.Duration(min(seconds, uint64(most/time.Second))) * time.Second
	}
	at, err := http.ParseTime(asked)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), most)
}

// allowRaw is allow for tcp and tls. Such a connection could say anything to its host.
// Therefore a host has to be named with its port, and a policy that narrows what may be said, by methods or paths,
// permits no such connection at all.
func (p *Policy) allowRaw(u *url.URL) (route, error) {
	r := route{origin: originOf(u)}
	if slices.ContainsFunc(p.Origins, func(o string) bool { return isOrigin(o, u) }) {
		r.private = true
		return r, nil
	}
	if !slices.ContainsFunc(p.Hosts, func(h string) bool { return namesPort(h) && matchHost(h, u) }) {
		return route{}, wit.Errorf(wit.CodeForbidden, "http: connections to %s are not permitted: permissions.http.hosts of the plugin's manifest would have to name it with its port", u.Host)
	}
	if len(p.Methods)+len(p.Paths) > 0 {
		return route{}, wit.Errorf(wit.CodeForbidden, "http: connections to %s are not permitted: permissions.http of the plugin's manifest is for some methods or paths only", u.Host)
	}
	return r, nil
}

// namesPort reports whether a host of a policy has a port.
func namesPort(pattern string) bool {
	return strings.LastIndexByte(pattern, ':') > strings.LastIndexByte(pattern, ']')
}

// isOrigin reports whether the owner configured the very endpoint. A host and port without a scheme are
// an https origin, which is as good as tls when it has no path.
func isOrigin(configured string, u *url.URL) bool {
	o, err := url.Parse(configured)
	if err != nil || strings.Trim(o.Path, "/") != "" || o.Port() == "" {
		return false
	}
	if o.Scheme == "https" {
		o.Scheme = "tls"
	}
	o.User = nil
	return normalizeRaw(o) == nil && originOf(o) == originOf(u)
}

// parseRaw parses scheme://host:port.
func parseRaw(raw, scheme string) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, wit.Errorf(wit.CodeTooLarge, "http: the url has %d bytes, at most %d are used", len(raw), maxURL)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != scheme || u.Port() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, wit.Errorf(wit.CodeInvalid, "http: a %s connection's url is %[1]s://host:port", scheme)
	}
	return u, normalizeRaw(u)
}

// normalizeRaw is normalize for schemes without a default port.
// It lends the url https, whose default port normalize leaves out, and puts the port back.
func normalizeRaw(u *url.URL) error {
	scheme, port := u.Scheme, u.Port()
	u.Scheme = "https"
	err := normalize(u)
	if u.Scheme = scheme; u.Port() == "" {
		u.Host += ":" + port
	}
	return err
}
