package egress

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Policy is what an owner of requests may reach.
type Policy struct {
	// Owner keeps connections apart: two owners never share one.
	Owner string
	// Credentials is whose credentials may stand in what is sent; the Owner's when empty.
	Credentials string
	// Hosts are `api.example.org`, `*.example.org` (any name below it, not itself), with `:port` where
	// it is not 443. They are reached by https and wss on public addresses only; with their port named, and
	// where neither Methods nor Paths narrows what may be said to them, by tcp and tls too.
	Hosts []string
	// Public permits every host as one of Hosts.
	Public bool
	// Methods are GET and POST when empty.
	Methods []string
	// Paths are prefixes of the decoded path on Hosts; all when empty. `/v1/` ends at a segment, `/bot`
	// does not.
	Paths []string
	// Origins are URLs that the gateway's owner configured: requests to the same scheme, host and port,
	// below the URL's path, may be plain http and on a private network. A tcp or tls URL is for such
	// connections.
	Origins []string
	// Files permits files of the media store in what is written on connections.
	Files bool
	// Plugin says that a plugin's manifest is where all this comes from, which errors tell its author.
	Plugin bool
	// Stay follows no redirect: it is the answer.
	Stay bool
	// Idle is how long a stream may say nothing once it has begun; Limits.Idle when 0.
	Idle time.Duration
}

// route is how a permitted URL is reached.
type route struct {
	origin  string // scheme://host:port
	private bool   // the owner configured this origin
}

// allow checks a request against the policy. direct is false for what a redirect from elsewhere leads
// to: an origin that only the owner's configuration permits cannot be reached that way.
// The order is that of what a plugin's author can do about it: the method, the path's form, then whether the place
// is the owner's, then the manifest's hosts and paths. Origins are not narrowed by Paths, since the url's own path
// bounds them.
func (p *Policy) allow(method string, u *url.URL, direct bool) (route, error) {
	if !p.allowsMethod(method) {
		return route{}, wit.Errorf(wit.CodeForbidden, "http: method %s is not permitted%s", method, p.unless("methods of the plugin's manifest would have to name it"))
	}
	if err := checkPath(u); err != nil {
		return route{}, err
	}
	r := route{origin: originOf(u)}
	if direct && slices.ContainsFunc(p.Origins, func(o string) bool { return withinOrigin(o, u) }) {
		r.private = true
		return r, nil
	}
	if !p.Public && !slices.ContainsFunc(p.Hosts, func(h string) bool { return matchHost(h, u) }) {
		return route{}, wit.Errorf(wit.CodeForbidden, "http: host %s is not permitted%s", u.Host, p.unless("hosts of the plugin's manifest would have to name it"))
	}
	if u.Scheme != "https" {
		return route{}, wit.Errorf(wit.CodeForbidden, "http: %s is not reached by plain http: use https", u.Host)
	}
	if len(p.Paths) > 0 && !slices.ContainsFunc(p.Paths, func(prefix string) bool { return strings.HasPrefix(u.Path, prefix) }) {
		return route{}, wit.Errorf(wit.CodeForbidden, "http: this path on %s is not permitted%s", u.Host, p.unless("paths of the plugin's manifest would have to name a prefix of it"))
	}
	return r, nil
}

// unless says what would permit it: of a plugin's requests, which list of its permissions.
func (p *Policy) unless(list string) string {
	if !p.Plugin {
		return " to " + p.Owner
	}
	return ": permissions.http." + list
}

// allowsMethod reports whether a method is permitted. A HEAD or an OPTIONS has to be named like any other.
func (p *Policy) allowsMethod(method string) bool {
	if len(p.Methods) == 0 {
		return slices.Contains(wit.DefaultHTTPPermissionMethods(), method)
	}
	return slices.Contains(p.Methods, method)
}

// parseURL returns an absolute http or https URL in the one form that the rest of the package works
// on: lower-case host without a final dot, a path that begins with a slash.
// Policy and transport work on the same value, so nothing is checked that is not also what is asked for.
func parseURL(raw string) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, wit.Errorf(wit.CodeTooLarge, "http: the url has %d bytes, at most %d are sent", len(raw), maxURL)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, wit.NewError(wit.CodeInvalid, "http: the url is malformed: give scheme://host/path, and no credential in the host")
	}
	return u, normalize(u)
}

// normalize brings a parsed url into that form, in place, or refuses it with CodeInvalid or CodeForbidden.
func normalize(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return wit.Errorf(wit.CodeInvalid, "http: url scheme %.20q: only https is made", u.Scheme)
	}
	if u.User != nil {
		return wit.NewError(wit.CodeInvalid, "http: the url may hold no user or password: use an Authorization header")
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if err := checkHostName(host); err != nil {
		return err
	}
	if strings.HasSuffix(u.Host, ":") {
		return wit.NewError(wit.CodeInvalid, "http: the url's port is empty")
	}
	port := u.Port()
	if port == defaultPort(u.Scheme) {
		port = ""
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.Host = host; port != "" {
		u.Host += ":" + port
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return nil
}

// checkHostName refuses names that different programs read differently.
// Among them are addresses in other notations (017700000001, 0x7f.1), which some resolvers take for 127.0.0.1: a
// name whose last label begins with a digit is none.
func checkHostName(host string) error {
	if _, err := netip.ParseAddr(host); err == nil {
		if strings.Contains(host, "%") {
			return wit.NewError(wit.CodeForbidden, "http: an address with a zone is not reached")
		}
		return nil
	}
	if len(host) > 253 {
		return wit.NewError(wit.CodeInvalid, "http: the url's host is too long")
	}
	for _, c := range []byte(host) {
		ok := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_'
		if !ok {
			return wit.Errorf(wit.CodeInvalid, "http: host %.60q: write international names as xn--…", host)
		}
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" || last[0] >= '0' && last[0] <= '9' {
		return wit.Errorf(wit.CodeInvalid, "http: the url's host %.60q is neither a name nor a plain address", host)
	}
	return nil
}

// checkPath refuses paths that a server might read as leading somewhere else than they seem to.
// It unescapes three times over, and refuses what is escaped more often, since proxies and servers on the way may each do it once; prefixes of
// Policy.Paths would otherwise not hold.
func checkPath(u *url.URL) error {
	path := u.Path
	for range 3 {
		for segment := range strings.FieldsFuncSeq(path, func(c rune) bool { return c == '/' || c == '\\' }) {
			name, _, _ := strings.Cut(segment, ";")
			if name == "." || name == ".." {
				return wit.NewError(wit.CodeForbidden, "http: the url's path contains a dot segment: write it out")
			}
		}
		if strings.ContainsFunc(path, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return wit.NewError(wit.CodeForbidden, "http: the url's path contains a control character")
		}
		next := unescape(path)
		if next == path {
			return nil
		}
		path = next
	}
	return wit.NewError(wit.CodeForbidden, "http: the url's path is escaped more than three times over")
}

// unescape undoes percent escapes as the most lenient of servers does: what is none stays as it is.
func unescape(s string) string {
	return escapedByte.ReplaceAllStringFunc(s, func(found string) string {
		plain, _ := url.PathUnescape(found) // an escape it is
		return plain
	})
}

// escapedByte is a percent escape.
var escapedByte = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// matchHost reports whether a pattern of Policy.Hosts names the url's host and port. A wildcard is for names below
// it and not for the name itself, as in certificates, but at any depth.
func matchHost(pattern string, u *url.URL) bool {
	named := url.URL{Scheme: "https", Host: strings.ToLower(pattern)}
	if portOf(u) != portOf(&named) {
		return false
	}
	name, host := named.Hostname(), u.Hostname()
	if suffix, ok := strings.CutPrefix(name, "*."); ok {
		sub, below := strings.CutSuffix(host, "."+suffix)
		return below && sub != ""
	}
	return name == host
}

// withinOrigin reports whether u is the configured URL or below it.
// Only whole segments count: https://host/api permits /api and /api/x, not /apiary. A configured url that cannot
// be normalised permits nothing.
func withinOrigin(configured string, u *url.URL) bool {
	o, err := url.Parse(configured)
	if err != nil {
		return false
	}
	switch o.Scheme {
	case "ws":
		o.Scheme = "http"
	case "wss":
		o.Scheme = "https"
	}
	o.User = nil
	if normalize(o) != nil || originOf(o) != originOf(u) {
		return false
	}
	base := strings.TrimSuffix(o.Path, "/")
	return u.Path == base || strings.HasPrefix(u.Path, base+"/")
}

// originOf names scheme, host and port, the default port included, so that two forms of one origin are equal.
func originOf(u *url.URL) string { return u.Scheme + "://" + u.Hostname() + ":" + portOf(u) }

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return defaultPort(u.Scheme)
}

func defaultPort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}
