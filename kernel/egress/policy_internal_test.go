package egress

import (
	"net/url"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

func TestPolicy(t *testing.T) {
	api := Policy{Hosts: []string{"api.example.org", "*.cdn.example.org", "alt.example.org:8443"}, Paths: []string{"/v1/", "/bot"}}
	owned := Policy{Origins: []string{"http://192.168.1.5:8080/base", "wss://Chat.Example.org", "https://[fd00::1]:9/"}}
	six := Policy{Hosts: []string{"[2606:4700::1]:8443", "[2606:4700::2]"}}
	wide := Policy{Hosts: []string{"a.example.org", "*.", strings.Repeat("a.", 126) + "b", strings.Repeat("a.", 126) + "bc"}}
	away := Policy{Origins: []string{"https://%zz/", "ws://me:pw@192.168.1.5:8080", "https://box.example.org:443/x/", "http://plain.example.org"}}
	all := Policy{Hosts: []string{"api.example.org"}, Paths: []string{"/"}}
	tests := []struct {
		policy Policy
		method string
		url    string
		want   wit.Code
	}{
		{all, "GET", "https://api.example.org", ""},
		{all, "GET", "https://", wit.CodeInvalid},
		{all, "GET", "https:///x", wit.CodeInvalid},
		{api, "GET", "https://api.example.org/v1/x", ""},
		{api, "GET", "HTTPS://API.Example.ORG./v1/x", ""},
		{api, "GET", "https://api.example.org:443/v1/x", ""},
		{api, "POST", "https://api.example.org/bot123:abc/send", ""},
		{api, "GET", "https://a.b.cdn.example.org/v1/", ""},
		{api, "GET", "https://alt.example.org:8443/v1/", ""},
		{api, "GET", "https://alt.example.org/v1/", wit.CodeForbidden},
		{api, "GET", "https://cdn.example.org/v1/", wit.CodeForbidden},
		{api, "GET", "https://xcdn.example.org/v1/", wit.CodeForbidden},
		{api, "GET", "https://.cdn.example.org/v1/", wit.CodeForbidden},
		{api, "GET", "https://ALT.example.org:8443/v1/", ""},
		{Policy{Hosts: []string{"API.Example.org:443", "a.org:x", "2606:4700::1", ":443", ""}}, "GET", "https://api.example.org/", ""},
		{Policy{Hosts: []string{"a.org:x", "me@a.org", "https://a.org", "2606:4700::1", ":443", ""}}, "GET", "https://a.org/", wit.CodeForbidden},
		{Policy{Hosts: []string{"2606:4700::1"}}, "GET", "https://[2606:4700::1]/", wit.CodeForbidden},
		{api, "GET", "https://api.example.org:444/v1/x", wit.CodeForbidden},
		{api, "GET", "https://api.example.org.evil.com/v1/x", wit.CodeForbidden},
		{api, "GET", "https://evil.com/v1/?api.example.org", wit.CodeForbidden},
		{api, "GET", "https://evil.com#api.example.org/v1/", wit.CodeForbidden},
		{api, "GET", "https://api.example.org@evil.com/v1/", wit.CodeInvalid},
		{api, "GET", "https://evil.com\\@api.example.org/v1/", wit.CodeInvalid},
		{api, "GET", "http://api.example.org/v1/x", wit.CodeForbidden},
		{api, "GET", "http://alt.example.org:8443/v1/", wit.CodeForbidden},
		{api, "GET", "http://api.example.org:443/v1/x", wit.CodeForbidden},
		{api, "GET", "https://api.example.org:/v1/x", wit.CodeInvalid},
		{api, "GET", "https://api.example.org/v1/a b", ""},
		{api, "GET", "https://api.example.org/v1/%7f", wit.CodeForbidden},
		{api, "GET", "https://api.example.org/v1/./x", wit.CodeForbidden},
		{six, "GET", "https://[2606:4700::1]:8443", ""},
		{six, "GET", "https://[2606:4700::1]/", wit.CodeForbidden},
		{six, "GET", "https://[2606:4700::2]/", ""},
		{six, "GET", "https://[2606:4700::2]:8443/", wit.CodeForbidden},
		{six, "GET", "https://[2606:4700::3]/", wit.CodeForbidden},
		{wide, "GET", "https://a.example.org", ""},
		{wide, "GET", "https://x./", wit.CodeForbidden},
		{wide, "GET", "https://a.example.9org/", wit.CodeInvalid},
		{wide, "GET", "https://a.example.-org/", wit.CodeForbidden},
		{wide, "GET", "https://a!b.example.org/", wit.CodeInvalid},
		{wide, "GET", "https://a=b.example.org/", wit.CodeInvalid},
		{wide, "GET", "https://a.example.0/", wit.CodeInvalid},
		{wide, "GET", "https://a..org../", wit.CodeInvalid},
		{wide, "GET", "https://z-9_0a.example.az/", wit.CodeForbidden},
		{wide, "GET", "https://" + strings.Repeat("a.", 126) + "b/", ""},
		{wide, "GET", "https://" + strings.Repeat("a.", 126) + "bc/", wit.CodeInvalid},
		{wide, "GET", "https://a.example.org/" + strings.Repeat("x", maxURL-22), ""},
		{wide, "GET", "https://a.example.org/" + strings.Repeat("x", maxURL-21), wit.CodeTooLarge},
		{away, "GET", "http://192.168.1.5:8080/", ""},
		{away, "GET", "https://192.168.1.5:8080/", wit.CodeForbidden},
		{away, "GET", "http://plain.example.org:80/", ""},
		{away, "GET", "http://plain.example.org:443/", wit.CodeForbidden},
		{away, "GET", "https://box.example.org/x/y", ""},
		{away, "GET", "https://box.example.org/xy", wit.CodeForbidden},
		{api, "GET", "ftp://api.example.org/v1/x", wit.CodeInvalid},
		{api, "GET", "//api.example.org/v1/x", wit.CodeInvalid},
		{api, "GET", "https:api.example.org/v1/x", wit.CodeInvalid},
		{api, "GET", "file:///etc/passwd", wit.CodeInvalid},
		{api, "GET", "https://api.example.org/v2/x", wit.CodeForbidden},
		{api, "GET", "https://api.example.org/v1/../admin", wit.CodeForbidden},
		{api, "GET", "https://api.example.org/v1/%2e%2e/admin", wit.CodeForbidden},
		{api, "GET", "https://api.example.org/v1/..%2fadmin", wit.CodeForbidden},
		{api, "GET", "https://api.example.org/v1/%252e%252e/admin", wit.CodeForbidden},
		{api, "GET", "https://api.example.org/v1/%25252e%25252e/admin", wit.CodeForbidden},
		{api, "GET", "https://api.example.org/v1/%2525252e%2525252e/admin", wit.CodeForbidden},
		{api, "GET", "https://api.example.org/v1/%2525252525252e/admin", wit.CodeForbidden},
		{api, "GET", "https://api.example.org/v1/%2525252541", wit.CodeForbidden},
		{api, "GET", "https://api.example.org/v1/%25zz/%252e%252e/admin", wit.CodeForbidden},
		{api, "GET", "https://api.example.org/v1/%25/%252e./admin", wit.CodeForbidden},
		{api, "GET", "https://api.example.org/v1/100%25", ""},
		{api, "GET", "https://api.example.org/v1/a%2525b", ""},
		{api, "GET", "https://api.example.org/v1/..;a=b/admin", wit.CodeForbidden},
		{api, "GET", "https://api.example.org/v1/..%5cadmin", wit.CodeForbidden},
		{api, "GET", "https://api.example.org/v1/a%0d%0ab", wit.CodeForbidden},
		{api, "GET", "https://api.example.org//v1/x", wit.CodeForbidden},
		{api, "DELETE", "https://api.example.org/v1/x", wit.CodeForbidden},
		{api, "GET", "https://127.1/v1/", wit.CodeInvalid},
		{api, "GET", "https://2130706433/v1/", wit.CodeInvalid},
		{api, "GET", "https://0x7f000001/v1/", wit.CodeInvalid},
		{api, "GET", "https://api.example.org\u3002evil.com/v1/", wit.CodeInvalid},
		{api, "GET", "https://{{credential:a}}.evil.com/v1/", wit.CodeInvalid},
		{owned, "GET", "http://192.168.1.5:8080/base/x", ""},
		{owned, "GET", "http://192.168.1.5:8080/base", ""},
		{owned, "GET", "http://192.168.1.5:8080/basement", wit.CodeForbidden},
		{owned, "GET", "http://192.168.1.5:8080/", wit.CodeForbidden},
		{owned, "GET", "http://192.168.1.5/base/x", wit.CodeForbidden},
		{owned, "GET", "https://192.168.1.5:8080/base/x", wit.CodeForbidden},
		{owned, "GET", "https://chat.example.org/anything", ""},
		{owned, "GET", "http://chat.example.org/anything", wit.CodeForbidden},
		{owned, "GET", "https://[FD00::1]:9/x", ""},
		{owned, "GET", "https://[fd00::1%25eth0]:9/x", wit.CodeForbidden},
	}
	for _, tt := range tests {
		u, err := parseURL(tt.url)
		if err == nil {
			_, err = tt.policy.allow(tt.method, u, true)
		}
		if got := wit.CodeOf(err); got != tt.want {
			t.Errorf("%s %s: %q (%v), want %q", tt.method, tt.url, got, err, tt.want)
		}
	}
}

func TestOriginsAreNotReachedByRedirect(t *testing.T) {
	p := Policy{Hosts: []string{"api.example.org"}, Origins: []string{"http://127.0.0.1:1"}}
	u, err := parseURL("http://127.0.0.1:1/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.allow("GET", u, true); err != nil {
		t.Error(err)
	}
	if _, err := p.allow("GET", u, false); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("redirected to an origin of the owner's: %v", err)
	}
}

// FuzzPolicy holds what a permitted URL means: another reader of the same text sees the permitted host,
// https, and a path below the prefix.
func FuzzPolicy(f *testing.F) {
	for _, s := range []string{"https://api.example.org/v1/x", "https://a.example.org:443/v1/%2e", "https://api.example.org\\@x/v1/",
		"https://api.example.org/v1/..;/x", "https://u:p@api.example.org/v1/", "https://[::1]/v1/", "https://api.example.org/v1/{{credential:x}}"} {
		f.Add(s)
	}
	p := Policy{Hosts: []string{"api.example.org", "*.example.org"}, Paths: []string{"/v1/"}}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := parseURL(raw)
		if err != nil {
			return
		}
		if _, err := p.allow("GET", u, true); err != nil {
			return
		}
		again, err := url.Parse(u.String())
		if err != nil {
			t.Fatalf("%q became %q, which does not parse: %v", raw, u, err)
		}
		host := again.Hostname()
		if again.Scheme != "https" || again.User != nil || again.Port() != "" || !strings.HasSuffix(host, ".example.org") {
			t.Fatalf("%q leads to %q", raw, again)
		}
		if !strings.HasPrefix(again.Path, "/v1/") || strings.Contains(again.Path+"/", "/../") {
			t.Fatalf("%q has path %q", raw, again.Path)
		}
	})
}
