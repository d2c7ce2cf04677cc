package egress_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// TestRequestBounds: what is held in memory has a bound, all that is sent another, and so has the number of parts.
func TestRequestBounds(t *testing.T) {
	store := &files{held: map[string]string{"small": strings.Repeat("x", 100), "large": strings.Repeat("x", 300)}}
	r := newRig(t, func(_ http.ResponseWriter, req *http.Request) { _, _ = io.Copy(io.Discard, req.Body) },
		func(c *egress.Config) { c.Media, c.Limits.Request, c.Limits.Upload = store, 600, 700 })
	parts := func(n int) []wit.HTTPPart { return make([]wit.HTTPPart, n) }
	for name, tt := range map[string]struct {
		req  wit.HTTPRequest
		want wit.Code
	}{
		"as much text as may be":    {wit.HTTPRequest{Text: new(strings.Repeat("x", 600))}, ""},
		"one byte more":             {wit.HTTPRequest{Text: new(strings.Repeat("x", 601))}, wit.CodeTooLarge},
		"bytes":                     {wit.HTTPRequest{Bytes: bytes.Repeat([]byte("x"), 601)}, wit.CodeTooLarge},
		"a file beside it":          {wit.HTTPRequest{Text: new(strings.Repeat("x", 564) + "{{media:small}}"), Embed: []string{"small"}}, ""},
		"one byte more than both":   {wit.HTTPRequest{Text: new(strings.Repeat("x", 565) + "{{media:small}}"), Embed: []string{"small"}}, wit.CodeTooLarge},
		"a file that is too large":  {wit.HTTPRequest{Parts: []wit.HTTPPart{{Name: "a", Media: new("large")}, {Name: "b", Media: new("large")}}}, wit.CodeTooLarge},
		"a file that is gone":       {wit.HTTPRequest{Parts: []wit.HTTPPart{{Name: "a", Media: new("gone")}}}, wit.CodeNotFound},
		"a credential that is not":  {wit.HTTPRequest{Parts: []wit.HTTPPart{{Name: "a", Text: new("{{credential:other}}")}}, Fill: true}, wit.CodeForbidden},
		"parts and text":            {wit.HTTPRequest{Parts: parts(1), Text: new("a")}, wit.CodeInvalid},
		"text and json":             {wit.HTTPRequest{Text: new("a"), JSON: wit.JSON("1")}, wit.CodeInvalid},
		"json and bytes":            {wit.HTTPRequest{JSON: wit.JSON("1"), Bytes: []byte("a")}, wit.CodeInvalid},
		"as much json as may be":    {wit.HTTPRequest{JSON: wit.JSON(`"` + strings.Repeat("x", 598) + `"`)}, ""},
		"one byte more json":        {wit.HTTPRequest{JSON: wit.JSON(`"` + strings.Repeat("x", 599) + `"`)}, wit.CodeTooLarge},
		"parts and bytes":           {wit.HTTPRequest{Parts: parts(1), Bytes: []byte("a")}, wit.CodeInvalid},
		"a file as it is":           {wit.HTTPRequest{Media: new("large")}, ""},
		"a file and text":           {wit.HTTPRequest{Media: new("small"), Text: new("a")}, wit.CodeInvalid},
		"no file":                   {wit.HTTPRequest{Media: new("gone")}, wit.CodeNotFound},
		"more parts than there may": {wit.HTTPRequest{Parts: parts(33)}, wit.CodeTooLarge},
	} {
		before := len(r.dialed())
		tt.req.Method, tt.req.URL = "POST", "https://api.example.com/"
		_, err := r.client.Do(t.Context(), anyHost, secrets(nil), &tt.req)
		if got := wit.CodeOf(err); got != tt.want || err != nil && len(r.dialed()) > before {
			t.Errorf("%s: %q (%v), want %q; dialed %v", name, got, err, tt.want, r.dialed()[before:])
		}
	}
	wide := newRig(t, func(http.ResponseWriter, *http.Request) {})
	if _, err := wide.client.Do(t.Context(), anyHost, nil, &wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/", Parts: parts(32)}); err != nil {
		t.Errorf("as many parts as there may: %v", err)
	}
}

// TestABodyIsAFile: as it is, with its type unless the request has another one, also behind a redirect.
func TestABodyIsAFile(t *testing.T) {
	data := strings.Repeat("\xff\x00\xfe", 100_000)
	var got, kind string
	var length int64
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/moved" {
			http.Redirect(w, req, "/", http.StatusTemporaryRedirect)
			return
		}
		b, _ := io.ReadAll(req.Body)
		got, kind, length = string(b), req.Header.Get("Content-Type"), req.ContentLength
	}, func(c *egress.Config) { c.Media = &files{held: map[string]string{"f": data}} })
	for _, path := range []string{"", "moved"} {
		req := wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/" + path, Media: new("f")}
		if _, err := r.client.Do(t.Context(), anyHost, nil, &req); err != nil || got != data || length != int64(len(data)) || kind == "" {
			t.Errorf("%d of %d bytes of %q were sent, %v", len(got), length, kind, err)
		}
		req.Headers = []wit.Header{{Name: "Content-Type", Value: "image/png"}}
		if _, err := r.client.Do(t.Context(), anyHost, nil, &req); err != nil || kind != "image/png" {
			t.Errorf("sent as %q, %v", kind, err)
		}
	}
}

// TestSecretsAreEscapedForTheirText: by the type that the request says, and no other header.
func TestSecretsAreEscapedForTheirText(t *testing.T) {
	var body string
	r := newRig(t, func(_ http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		body = string(b)
	})
	const kind = "Content-Type"
	for _, tt := range []struct{ header, value, want string }{
		{kind, "application/json", `a\"b=c`},
		{kind, "Application/JSON; charset=utf-8", `a\"b=c`},
		{kind, "application/ld+json", `a\"b=c`},
		{kind, "application/x-www-form-urlencoded", "a%22b%3Dc"},
		{kind, "text/plain", `a"b=c`},
		{"X-Not-The-Type", "application/json", `a"b=c`},
	} {
		_, err := r.client.Do(t.Context(), anyHost, secrets(map[string]string{"tok": `a"b=c`}), &wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/",
			Fill: true, Text: new("{{credential:tok}}"), Headers: []wit.Header{{Name: tt.header, Value: tt.value}}})
		if err != nil || body != tt.want {
			t.Errorf("%s %s: %s (%v), want %s", tt.header, tt.value, body, err, tt.want)
		}
	}
}

// TestBodiesThatAreJSON are sent as they are written, with what they are, credentials escaped and files inside.
func TestBodiesThatAreJSON(t *testing.T) {
	var body, kind string
	r := newRig(t, func(_ http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		body, kind = string(b), strings.Join(req.Header.Values("Content-Type"), " and ")
	}, func(c *egress.Config) { c.Media = &files{held: map[string]string{"a": "PNG!"}} })
	said := []wit.Header{{Name: "content-type", Value: "application/vnd.api+json"}}
	for _, tt := range []struct {
		request          wit.HTTPRequest
		wantBody, wantOf string
	}{
		{wit.HTTPRequest{JSON: wit.JSON(`{ "a": 1.0, "a": "\u00fc" }`)}, `{ "a": 1.0, "a": "\u00fc" }`, "application/json"},
		{wit.HTTPRequest{JSON: wit.JSON(`[]`), Headers: said}, `[]`, "application/vnd.api+json"},
		{wit.HTTPRequest{JSON: wit.JSON(`"{{credential:tok}}"`)}, `"{{credential:tok}}"`, "application/json"},
		{wit.HTTPRequest{JSON: wit.JSON(`"{{credential:tok}}"`), Fill: true}, `"a\"b"`, "application/json"},
		{wit.HTTPRequest{JSON: wit.JSON(`"{{media:a}}"`), Embed: []string{"a"}}, `"UE5HIQ=="`, "application/json"},
		{wit.HTTPRequest{}, "", ""},
	} {
		tt.request.Method, tt.request.URL = "POST", "https://api.example.com/"
		_, err := r.client.Do(t.Context(), anyHost, secrets(map[string]string{"tok": `a"b`}), &tt.request)
		if err != nil || body != tt.wantBody || kind != tt.wantOf {
			t.Errorf("%s: %s of %s (%v), want %s of %s", tt.request.JSON, body, kind, err, tt.wantBody, tt.wantOf)
		}
	}
}

// shelf is a media store that counts what is open. Its files, but for the known one, lose name and type, and vanish after so many openings.
type shelf struct {
	files
	open, left int
}

func (s *shelf) Open(ctx context.Context, id string) (io.ReadCloser, wit.MediaInfo, error) {
	if s.left--; s.left < 0 {
		return nil, wit.MediaInfo{}, wit.Errorf(wit.CodeNotFound, "no file %s", id)
	}
	file, info, err := s.files.Open(ctx, id)
	if err != nil {
		return nil, info, err
	}
	s.open++
	if id != "known" {
		info = wit.MediaInfo{Size: info.Size}
	}
	return closer{file, func() { s.open-- }}, info, nil
}

type closer struct {
	io.Reader
	close func()
}

func (c closer) Close() error { c.close(); return nil }

// TestParts: what a part says of itself, or is said of it where it says nothing; and every file is closed again.
func TestParts(t *testing.T) {
	store := &shelf{files: files{held: map[string]string{"m": "data", "known": "data"}}, left: 100}
	var seen []string
	r := newRig(t, func(_ http.ResponseWriter, req *http.Request) {
		reader, err := req.MultipartReader()
		if err != nil {
			t.Error(err)
			return
		}
		for {
			p, err := reader.NextPart()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Errorf("the end of the parts: %v", err)
				}
				return
			}
			b, _ := io.ReadAll(p)
			seen = append(seen, fmt.Sprintf("%s|%s|%s|%s", p.FormName(), p.FileName(), p.Header.Get("Content-Type"), b))
		}
	}, func(c *egress.Config) { c.Media = store })
	send := func(parts ...wit.HTTPPart) error {
		seen = nil
		_, err := r.client.Do(t.Context(), anyHost, nil, &wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/", Parts: parts})
		return err
	}
	for _, tt := range []struct {
		part wit.HTTPPart
		want string
	}{
		{wit.HTTPPart{Name: "a", Text: new("x")}, "a|||x"},
		{wit.HTTPPart{Name: "a", Text: new("x"), ContentType: new("text/plain; charset=\r\n\x7futf-8")}, "a||text/plain; charset=utf-8|x"},
		{wit.HTTPPart{Name: "a", Media: new("m")}, "a|file|application/octet-stream|data"},
		{wit.HTTPPart{Name: "a", Media: new("m"), FileName: new("f.bin"), ContentType: new("image/gif")}, "a|f.bin|image/gif|data"},
		{wit.HTTPPart{Name: "a", Media: new("known"), ContentType: new("image/gif")}, "a|a%22b.png|image/gif|data"},
	} {
		if err := send(tt.part); err != nil || strings.Join(seen, "\n") != tt.want {
			t.Errorf("%q (%v), want %q", seen, err, tt.want)
		}
	}
	file := wit.HTTPPart{Name: "a", Media: new("m")}
	store.left = 3 // both are there when they are counted, one when they are sent
	wantCode(t, send(file, file), wit.CodeNotFound)
	if store.open != 0 {
		t.Errorf("%d files are left open", store.open)
	}
}

// TestSecretPartsStay: a credential in any part keeps the body from another host.
func TestSecretPartsStay(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Host == "api.example.com" {
			http.Redirect(w, req, "https://other.example.com/", http.StatusTemporaryRedirect)
		}
	})
	plain, secret := wit.HTTPPart{Name: "a", Text: new("x")}, wit.HTTPPart{Name: "b", Text: new("{{credential:tok}}")}
	for _, tt := range []struct {
		parts []wit.HTTPPart
		want  wit.Code
	}{
		{[]wit.HTTPPart{plain, plain}, ""},
		{[]wit.HTTPPart{plain, secret}, wit.CodeForbidden},
		{[]wit.HTTPPart{secret, plain}, wit.CodeForbidden},
	} {
		_, err := r.client.Do(t.Context(), anyHost, secrets(map[string]string{"tok": "secret-1"}),
			&wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/", Fill: true, Parts: tt.parts})
		if got := wit.CodeOf(err); got != tt.want {
			t.Errorf("%s, %s: %v", *tt.parts[0].Text, *tt.parts[1].Text, err)
		}
	}
}
