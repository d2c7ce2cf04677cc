package egress_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

func TestFilesAreEmbeddedInATextOnce(t *testing.T) {
	big := strings.Repeat("\xff\x00\xfe", 100_000) + "\x01"
	store := &files{held: map[string]string{"a": "PNG!", "b": "\xff\xfe", "empty": "", "big": big}}
	in64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	openings := strings.Repeat("{{media:", wit.LimitHTTPRequestBytes/8-1)
	var got string
	var length int64
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/moved" {
			http.Redirect(w, req, "/", http.StatusTemporaryRedirect)
			return
		}
		b, _ := io.ReadAll(req.Body)
		got, length = string(b), req.ContentLength
	}, func(c *egress.Config) { c.Media = store })
	for _, test := range []struct{ text, files, want string }{
		{`{"a":"{{media:a}}"}`, "a", `{"a":"` + in64("PNG!") + `"}`},
		{"{{media:b}}-{{media:a}}", "a b", in64("\xff\xfe") + "-" + in64("PNG!")},
		{"{{media:a}} {{media:a}}", "a", in64("PNG!") + " {{media:a}}"},
		{"{{media:a}} {{media:b}} {{media:", "b", "{{media:a}} " + in64("\xff\xfe") + " {{media:"},
		{"{{media:{{media:a}}", "a", "{{media:" + in64("PNG!")},
		{"x{{media:empty}}y", "empty", "xy"},
		{"{{media:big}}", "big", in64(big)},
		{"nothing of it", "a", "nothing of it"},
		{"{{media:a}", "a", "{{media:a}"},
		{"{{media:ab}} {{media:a}}", "a b", "{{media:ab}} " + in64("PNG!")},
		{openings + "}}", "a", openings + "}}"}, // it takes no longer than any other of its length
		{"{{media:a}}", "", "{{media:a}}"},
	} {
		for _, path := range []string{"", "moved"} { // a body is sent again behind a redirect
			_, err := r.client.Do(context.Background(), anyHost, nil, &wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/" + path, Text: &test.text, Embed: strings.Fields(test.files)})
			if err != nil || got != test.want || length != int64(len(test.want)) {
				t.Errorf("%q with %s is sent as %.80q of %d bytes, want %.80q (%v)", test.text, test.files, got, length, test.want, err)
			}
		}
	}
}

func TestEmbeddingIsBounded(t *testing.T) {
	store := &files{held: map[string]string{"a": strings.Repeat("x", 1000)}}
	called := false
	r := newRig(t, func(http.ResponseWriter, *http.Request) { called = true }, func(c *egress.Config) { c.Media, c.Limits.Upload = store, 1200 })
	for name, test := range map[string]struct {
		text  string
		files []string
		want  wit.Code
	}{
		"a file that is gone": {"{{media:a}}", []string{"gone"}, wit.CodeNotFound},
		"too many":            {"x", strings.Fields(strings.Repeat("a ", wit.HTTPRequestEmbedMax+1)), wit.CodeTooLarge},
		"too large in base64": {"{{media:a}}", []string{"a"}, wit.CodeTooLarge},
	} {
		_, err := r.client.Do(context.Background(), anyHost, nil, &wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/", Text: &test.text, Embed: test.files})
		if wit.CodeOf(err) != test.want || called {
			t.Errorf("%s: %v, sent %t", name, err, called)
		}
	}
	_, err := r.client.Do(context.Background(), anyHost, nil, &wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/", Text: new("x"),
		Embed: strings.Fields(strings.Repeat("a ", wit.HTTPRequestEmbedMax))})
	if err != nil || !called {
		t.Errorf("as many as there may be: %v, sent %t", err, called)
	}
	bare := newRig(t, func(http.ResponseWriter, *http.Request) {})
	_, err = bare.client.Do(context.Background(), anyHost, nil, &wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/", Text: new("x"), Embed: []string{"a"}})
	wantCode(t, err, wit.CodeUnavailable)
}
