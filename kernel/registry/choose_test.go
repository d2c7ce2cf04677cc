package registry_test

import (
	"encoding/base64"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/registry"
	"github.com/carapace-gateway/carapace/wit"
)

func base64Of(data []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(data)) }

// TestRanges chooses of these versions, of which one runs nowhere, one was withdrawn, and one is not released.
func TestRanges(t *testing.T) {
	p := &registry.Package{ID: "a"}
	for _, version := range []string{"3.0.0-rc.1", "2.1.0", "2.0.1", "2.0.0", "1.4.2", "1.4.1", "1.3.0", "0.3.9", "0.3.1"} {
		p.Versions = append(p.Versions, registry.Version{Version: version, ABI: 1})
	}
	p.Find("2.1.0").Host = ">=9"
	p.Find("2.0.1").Withdrawn = &registry.Withdrawal{Reason: "it leaks"}
	for _, c := range []struct{ in, want, says string }{
		{"", "2.0.0", ""},
		{"*", "2.0.0", ""},
		{"1.4.1", "1.4.1", ""},
		{"=1.4.1", "1.4.1", ""},
		{"3.0.0-rc.1", "3.0.0-rc.1", ""},
		{"^1", "1.4.2", ""},
		{"^1.4", "1.4.2", ""},
		{"~1.3.0", "1.3.0", ""},
		{"^0.3", "0.3.9", ""},
		{"1.x", "1.4.2", ""},
		{"1", "1.4.2", ""},
		{">=1.3 <1.4.2", "1.4.1", ""},
		{"<1 || ~1.3", "1.3.0", ""},
		{"^3.0.0-0", "3.0.0-rc.1", ""},
		{"2.0.1", "", "was withdrawn: it leaks"},
		{"~2.0.1", "", "was withdrawn: it leaks"},
		{"2.1.0", "", "wants a gateway >=9"},
		{"^3", "", "no version ^3 of a; there are 3.0.0-rc.1, 2.1.0"},
		{"9.9.9", "", "no version 9.9.9 of a"},
	} {
		r, err := registry.ParseRange(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		v, err := p.Choose(r, registry.Gateway{Version: "1.2.3-5-gabc", ABI: 1})
		if c.want == "" {
			code := wit.CodeConflict
			if v != nil || p.Find(c.in) == nil && c.in != "~2.0.1" {
				code = wit.CodeNotFound
			}
			wants(t, c.in, err, code, c.says)
		} else if err != nil || v.Version != c.want {
			t.Errorf("%q: %v, %v, want %s", c.in, v, err, c.want)
		}
	}
	_, err := p.Choose(registry.Range{}, registry.Gateway{Version: "dev", ABI: 2})
	wants(t, "another contract", err, wit.CodeConflict, "contract version 1")
	if v, err := p.Choose(registry.Range{}, registry.Gateway{Version: "dev", ABI: 1}); err != nil || v.Version != "2.1.0" {
		t.Errorf("a gateway without a version runs %v, %v", v, err)
	}
	for _, bad := range []string{"latest", "1.2.3.4", ">", "^^1", "1.2.3 or so", "@"} {
		_, err := registry.ParseRange(bad)
		wants(t, bad, err, wit.CodeInvalid, "is not a range")
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"1.0.0", "1.0.1", true}, {"1.10.0", "1.9.0", false}, {"1.0.0", "1.0.0", false}, {"1.0.0-rc.1", "1.0.0", true}, {"", "1.0.0", true}, {"1.0.0", "", false}} {
		if registry.Older(c.a, c.b) != c.want {
			t.Errorf("%s, %s", c.a, c.b)
		}
	}
}

func TestSources(t *testing.T) {
	key := string(registry.SignerOf(make([]byte, 64)))
	for _, good := range []string{"https://plugins.example.org/stable/", "https://10.0.0.1:8443", "http://127.0.0.1:8080/x", "http://localhost", "http://[::1]:1/", "/srv/plugins/"} {
		if s, err := registry.NewSource("home", good, key); err != nil || s.URL[len(s.URL)-1] == '/' {
			t.Errorf("%s: %+v, %v", good, s, err)
		}
	}
	for _, bad := range []string{"", "plugins", "./plugins", "http://plugins.example.org", "http://10.0.0.1", "http://169.254.169.254/", "http://127.0.0.1.example.org", "ftp://a", "https://", "https://u:p@a.example", "https://a.example/?x", "https://a.example/#x"} {
		_, err := registry.NewSource("home", bad, key)
		wants(t, bad, err, wit.CodeInvalid, "is not where a registry can be")
	}
	_, err := registry.NewSource("home", "https://a.example", key[:20])
	wants(t, "a short key", err, wit.CodeInvalid, "public key")
}
