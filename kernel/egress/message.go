package egress

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/header"
	"github.com/carapace-gateway/carapace/wit"
)

// message is a request with its credentials filled in.
type message struct {
	policy  Policy
	method  string
	url     *url.URL
	shown   string // scheme and host, all of the url that errors may name
	headers []headerLine
	body    *body
	secrets []string // forms of the credentials that scrub removes, the longest first
	echoes  []string // those that are removed from the response
}

// headerLine is one header. secret says that a credential was filled in, so it does not cross to another origin.
type headerLine struct {
	name, value string
	secret      bool
}

// prepare checks the request and fills in its credentials. The message is not nil even with an error.
// The policy is asked before credentials are fetched, so a request that is not permitted learns nothing of them,
// not even whether they are set.
func (c *Client) prepare(ctx context.Context, p Policy, creds Credentials, req *wit.HTTPRequest) (*message, error) {
	m := &message{policy: p, method: strings.ToUpper(req.Method)}
	if m.method == "" {
		m.method = wit.HTTPRequestMethodDefault
	}
	u, err := parseURL(req.URL)
	if err != nil {
		return m, err
	}
	m.shown = originOf(u)
	if _, err := p.allow(m.method, u, true); err != nil {
		return m, err
	}
	if err := c.leaked(m, u, req); err != nil {
		return m, err
	}
	f := newFiller(creds, m, c.limits.Request)
	if m.url, err = f.url(u, req.Fill); err != nil {
		return m, err
	}
	if err := m.setHeaders(f, req.Headers); err != nil {
		return m, err
	}
	if err := m.basic(f, req.Basic); err != nil {
		return m, err
	}
	if m.body, err = c.newBody(ctx, f, req); err != nil || req.SigV4 == nil {
		return m, err
	}
	return m, m.sigv4(ctx, f, req.SigV4)
}

// hopHeaders belong to the connection and are the transport's own business.
// They are dropped and not refused: plugins copy them along with the headers of other clients.
func hopHeaders() []string {
	return []string{"Accept-Encoding", "Connection", "Content-Length", "Expect", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade"}
}

// overrides are headers by which some servers take another method or path for the request's, which the policy has
// not seen.
func overrides() []string {
	return []string{"X-Http-Method", "X-Http-Method-Override", "X-Method-Override", "X-Original-Method", "X-Original-Url", "X-Rewrite-Url"}
}

// setHeaders checks and fills in the headers. Names and values are checked after filling in, so a secret cannot
// add a header either. Their sum is bounded, as most servers do.
func (m *message) setHeaders(f *filler, headers []wit.Header) error {
	if len(headers) > maxHeaders {
		return wit.Errorf(wit.CodeTooLarge, "http: %d headers, at most %d are sent", len(headers), maxHeaders)
	}
	hop, size := hopHeaders(), 0
	for _, h := range headers {
		name := http.CanonicalHeaderKey(h.Name)
		if !validToken(name) {
			return wit.Errorf(wit.CodeInvalid, "http: %.40q is not a header's name", h.Name)
		}
		if name == "Host" {
			return wit.NewError(wit.CodeInvalid, "http: the Host header follows from the url: leave it out")
		}
		if slices.Contains(overrides(), name) {
			return wit.Errorf(wit.CodeForbidden, "http: header %s would make another request of this one: ask for what you mean", name)
		}
		if slices.Contains(hop, name) || header.ForWhom(name) {
			continue
		}
		value, secret, err := f.text(h.Value, verbatim)
		if err != nil {
			return err
		}
		if name == "Cookie" && !secret { // a login, which the owner gives as a credential or not at all
			return wit.NewError(wit.CodeForbidden, "http: a Cookie header is sent with a credential in it only: write {{credential:name}}, which permissions.credential has to name")
		}
		if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			return wit.Errorf(wit.CodeInvalid, "http: header %s contains a control character", name)
		}
		if size += len(name) + len(value); size > maxHeaderLen {
			return wit.Errorf(wit.CodeTooLarge, "http: the headers have more than %d bytes", maxHeaderLen)
		}
		m.headers = append(m.headers, headerLine{name, value, secret})
	}
	return nil
}

// validToken reports whether s is a token of HTTP: no separators, no white space, nothing outside ASCII.
func validToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}

// follow makes the request and the ones that redirects lead to.
// Redirects are followed here and not by net/http, because each hop has to pass the policy, and because the
// owner's origins may be reached by their own redirects only.
func (c *Client) follow(ctx context.Context, m *message) (*http.Response, error) {
	direct := true
	for hop := 0; ; hop++ {
		r, err := m.policy.allow(m.method, m.url, direct)
		if err != nil {
			return nil, err
		}
		req, err := m.request(ctx)
		if err != nil {
			return nil, err
		}
		res, err := c.transport(m.policy.Owner, r).RoundTrip(req)
		if err != nil {
			return nil, err
		}
		location := res.Header.Get("Location")
		if m.policy.Stay || !redirects(res.StatusCode) || location == "" {
			return res, nil
		}
		res.Body.Close()
		if hop == maxRedirects {
			return nil, &wit.Error{Code: wit.CodeUnavailable, Message: "http: " + m.shown + " redirects in circles"}
		}
		before := r.origin
		if err := m.redirect(res.StatusCode, location); err != nil {
			return nil, err
		}
		// Once left, an origin of the owner's cannot be come back to: it would be a public server that chose the
		// url.
		direct = direct && originOf(m.url) == before
	}
}

func redirects(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// redirect makes m the request that a redirect asks for, without what another origin may not see.
// As browsers do, POST becomes GET on 301 and 302, and all but HEAD on 303. A location that repeats a secret would
// hand it on, so it is not followed to another origin.
func (m *message) redirect(status int, location string) error {
	if len(location) > maxURL {
		return wit.Errorf(wit.CodeTooLarge, "http: %s redirects to a url of %d bytes", m.shown, len(location))
	}
	next, err := m.url.Parse(location)
	if err != nil {
		return &wit.Error{Code: wit.CodeUnavailable, Message: "http: " + m.shown + " redirects to a malformed url"}
	}
	if err := normalize(next); err != nil {
		return wit.Errorf(wit.CodeForbidden, "http: %s redirects to a url that is not followed: %w", m.shown, err)
	}
	crossing := originOf(next) != originOf(m.url)
	if status == 303 && m.method != "HEAD" || (status == 301 || status == 302) && m.method == "POST" {
		m.method, m.body = "GET", nil
		m.headers = slices.DeleteFunc(m.headers, func(h headerLine) bool { return strings.HasPrefix(h.name, "Content-") })
	}
	if crossing {
		if m.body != nil && m.body.secret || m.mentionsSecret(location) {
			return wit.Errorf(wit.CodeForbidden, "http: %s redirects a request with a credential to another host", m.shown)
		}
		m.headers = slices.DeleteFunc(m.headers, func(h headerLine) bool {
			return h.secret || h.name == "Authorization" || h.name == "Www-Authenticate"
		})
	}
	m.url, m.shown = next, originOf(next)
	return nil
}

// request makes the next hop's request. The url is set as it was checked: parsing its text again could give
// another one.
func (m *message) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, m.method, "", nil)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "http: %.20q is not a method", m.method)
	}
	req.URL, req.Host = m.url, m.url.Host
	for _, h := range m.headers {
		req.Header.Add(h.name, h.value)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "carapace")
	}
	return req, m.body.attach(ctx, req)
}
