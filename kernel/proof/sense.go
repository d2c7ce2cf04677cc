package proof

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/setting"
	"github.com/carapace-gateway/carapace/wit"
)

// Surroundings are what of a manifest a recipe has to fit.
type Surroundings struct {
	HTTP *wit.HTTPPermission
	// HasField reports whether the configuration has a field.
	HasField func(name string) bool
}

// Problem is what is wrong with a field of a recipe, and what to do about it.
type Problem struct{ Field, Text string }

// Sense lists what of a recipe can never work or proves nothing, nil where it makes sense.
func Sense(w *wit.WebhookFacts, in Surroundings) []Problem {
	s := &sense{facts: w, in: in}
	s.needed()
	s.superfluous()
	s.template()
	s.token()
	s.challenge()
	return s.list
}

// sense collects problems.
type sense struct {
	facts *wit.WebhookFacts
	in    Surroundings
	list  []Problem
}

func (s *sense) problem(field, format string, args ...any) {
	s.list = append(s.list, Problem{field, fmt.Sprintf(format, args...)})
}

func signs(auth wit.WebhookAuth) bool {
	switch auth {
	case wit.WebhookAuthHMACSHA256, wit.WebhookAuthHMACSHA1, wit.WebhookAuthHMACSHA512, wit.WebhookAuthEd25519, wit.WebhookAuthSHA256:
		return true
	}
	return false
}

// needed looks for what a way of authentication cannot do without.
func (s *sense) needed() {
	w := s.facts
	if header := text(w.Header); (signs(w.Auth) || w.Auth == wit.WebhookAuthHeader) && header == "" {
		s.problem("header", "is missing: which header carries what %s checks?", w.Auth)
	} else {
		for name := range strings.SplitSeq(header, ",") {
			if header != "" && !headerName(strings.TrimSpace(name)) {
				s.problem("header", "%.40q is not the name of a header", name)
			}
		}
	}
	if w.Auth != wit.WebhookAuthNone && w.Auth != wit.WebhookAuthJWT && text(w.Credential) == "" {
		s.problem("credential", "is missing: which credential does %s check with?", w.Auth)
	}
	if w.Auth == wit.WebhookAuthField && len(w.Fields) == 0 {
		s.problem("fields", "is missing: in which field of the body does the credential stand?")
	}
	if slices.Contains(w.Fields, "") {
		s.problem("fields", "has an empty name")
	}
	if w.Auth == wit.WebhookAuthJWT && w.JWT == nil {
		s.problem("jwt", "is missing: who issues the tokens, and for whom?")
	}
}

// superfluous looks for what a way of authentication would not look at: who wrote it believes that it is checked.
func (s *sense) superfluous() {
	w := s.facts
	for _, f := range []struct {
		name string
		set  bool
		used bool
	}{
		{"signed", w.Signed != nil, signs(w.Auth)},
		{"timestamp", w.Timestamp != nil, signs(w.Auth)},
		{"window", w.Window != 0, signs(w.Auth)},
		{"prefix", w.Prefix != nil, signs(w.Auth)},
		{"separator", w.Separator != nil, signs(w.Auth)},
		{"encoding", w.Encoding != "" && w.Encoding != wit.SignatureEncodingAny, signs(w.Auth)},
		{"keyEncoding", w.KeyEncoding != "" && w.KeyEncoding != wit.KeyEncodingText, signs(w.Auth) && w.Auth != wit.WebhookAuthEd25519 && w.Auth != wit.WebhookAuthSHA256},
		{"fields", len(w.Fields) > 0, w.Auth == wit.WebhookAuthField},
		{"jwt", w.JWT != nil, w.Auth == wit.WebhookAuthJWT},
	} {
		if f.set && !f.used {
			s.problem(f.name, "is not looked at by auth %s: leave it out, or choose the auth that is meant", w.Auth)
		}
	}
}

// template looks at what is signed and when.
func (s *sense) template() {
	w := s.facts
	if !signs(w.Auth) {
		return
	}
	hashes := w.Auth == wit.WebhookAuthSHA256
	if hashes && w.Signed == nil {
		s.problem("signed", "is missing: a hash of what anybody can read proves nothing, so say where {credential} stands in it")
	}
	if w.Separator != nil && *w.Separator == "" {
		s.problem("separator", "is empty: leave it out for a header with one signature")
	}
	second := strings.Contains(text(w.Header), ",")
	if w.Signed == nil {
		if w.Timestamp != nil {
			s.problem("signed", "is missing: what of the call is signed beside {timestamp}?")
		}
		if w.Window != 0 && !second {
			s.problem("window", "has no time to be of: name where the timestamp stands")
		}
		return
	}
	if second {
		s.problem("header", "names a second header: write it into signed, as {header:Name} or {timestamp}")
	}
	template, err := parseTemplate(*w.Signed)
	if err != nil {
		s.problem("signed", "%s", err)
		return
	}
	if !uses(template, "body") && !uses(template, "form") {
		s.problem("signed", "has neither {body} nor {form}: anybody could put another body under a signature")
	}
	if uses(template, "credential") != hashes {
		s.problem("signed", "and {credential} belong together for auth sha256, and for no other: what has no key in it anybody can hash, and another auth has the key elsewhere")
	}
	if uses(template, "timestamp") != (w.Timestamp != nil) {
		s.problem("timestamp", "and {timestamp} in signed belong together: a time that is not signed proves nothing, and one that is has to be found")
	}
	if w.Timestamp != nil && !headerName(*w.Timestamp) && w.Separator == nil {
		s.problem("timestamp", "%.40q is not a header: as the beginning of an item it needs a separator", *w.Timestamp)
	}
	if w.Window != 0 && w.Timestamp == nil {
		s.problem("window", "has no time to be of: name where the timestamp stands")
	}
}

// token looks at a token's recipe.
func (s *sense) token() {
	t := s.facts.JWT
	if t == nil {
		return
	}
	for _, f := range []struct{ name, value string }{{"jwt.issuer", t.Issuer}, {"jwt.audience", t.Audience}} {
		if field, ok := setting.Field(f.value); ok && !s.in.HasField(field) {
			s.problem(f.name, "names the field %.64q, which config does not have", field)
		} else if f.value == "" {
			s.problem(f.name, "is missing: a token for anybody, or of anybody, proves nothing")
		}
	}
	for _, p := range Endpoint(t.Keys, http.MethodGet, s.in) {
		s.problem("jwt.keys", "%s", p)
	}
}

// challenge looks at a challenge's recipe.
func (s *sense) challenge() {
	c := s.facts.Challenge
	if c != nil && c.Token == c.Answer {
		s.problem("challenge.answer", "is the field with the token: it would tell everybody what it is")
	}
	if s.facts.Sealed != nil && s.facts.Auth == wit.WebhookAuthField {
		s.problem("sealed", "hides the field in which auth field looks for the credential: choose a signature")
	}
}

// Endpoint says in words what of an address that the kernel calls for a plugin does not fit the plugin's manifest.
func Endpoint(address, method string, in Surroundings) []string {
	if address == "" {
		return nil // the contract says that it is missing
	}
	if in.HTTP == nil {
		return []string{"needs permissions.http, with a reason and the host in its hosts"}
	}
	var list []string
	methods := in.HTTP.Methods
	if len(methods) == 0 {
		methods = wit.DefaultHTTPPermissionMethods()
	}
	if !slices.Contains(methods, method) {
		list = append(list, fmt.Sprintf("is called by %s, which permissions.http.methods would have to name", method))
	}
	base, _, configured := setting.Base(address)
	fields := setting.Fields(address)
	if configured {
		fields = append(fields, base)
	}
	for _, field := range fields {
		if !in.HasField(field) {
			list = append(list, fmt.Sprintf("names the field %.64q, which config does not have", field))
		}
	}
	if configured {
		if host := "config:" + base; !slices.Contains(in.HTTP.Hosts, host) {
			list = append(list, fmt.Sprintf("needs %q among permissions.http.hosts", host))
		}
		return list
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.ContainsAny(u.Host, "{}") {
		return append(list, "is not an address such as https://example.org/path")
	}
	if !slices.ContainsFunc(in.HTTP.Hosts, func(h string) bool { return namesHost(h, u) }) {
		list = append(list, fmt.Sprintf("needs %q among permissions.http.hosts", u.Host))
	}
	if len(in.HTTP.Paths) > 0 && !slices.ContainsFunc(in.HTTP.Paths, func(p string) bool { return strings.HasPrefix(u.Path, p) }) {
		list = append(list, fmt.Sprintf("needs a prefix of %q among permissions.http.paths", u.Path))
	}
	return list
}

// namesHost reports whether a host of a permission is the address's.
func namesHost(pattern string, u *url.URL) bool {
	host := strings.TrimSuffix(strings.ToLower(u.Host), ":443")
	pattern = strings.TrimSuffix(pattern, ":443")
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(host, suffix) && len(host) > len(suffix)
	}
	return pattern == host
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
