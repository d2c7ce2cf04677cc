package egress_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

const token = `12:se"cret/t?k&n`

var anyHost = egress.Policy{Owner: "p", Hosts: []string{"*.example.com"}}

func TestCredentialsAreFilledIn(t *testing.T) {
	var got *http.Request
	var body string
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		got, body = req, string(b)
	})
	creds := secrets(map[string]string{"tok": token})
	res, err := r.client.Do(context.Background(), anyHost, creds, &wit.HTTPRequest{ID: "7", Method: "post", Fill: true,
		URL:     `https://api.example.com/bot{{credential:tok}}/a%2Fb"{}/send?k={{credential:tok}}&x=1`,
		Headers: []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:tok}}"}, {Name: "Cookie", Value: "a={{credential:tok}}; b=1"}, {Name: "content-type", Value: "application/json"}, {Name: "Content-Length", Value: "9999"}},
		Text:    new(`{"t":"{{credential:tok}}","u":"{{credential}} {{credential:}}"}`)})
	if err != nil || res.Status != 200 || res.ID != "7" {
		t.Fatal(res, err)
	}
	if got.URL.Path != "/bot"+token+`/a/b"{}/send` || got.URL.EscapedPath() != `/bot12:se%22cret%2Ft%3Fk&n/a%2Fb%22%7B%7D/send` {
		t.Errorf("path %q (%q)", got.URL.Path, got.URL.EscapedPath())
	}
	if got.URL.Query().Get("k") != token || got.URL.Query().Get("x") != "1" {
		t.Errorf("query %q", got.URL.RawQuery)
	}
	if h := got.Header.Get("Authorization"); h != "Bearer "+token {
		t.Errorf("header %q", h)
	}
	if h := got.Header.Get("Cookie"); h != "a="+token+"; b=1" {
		t.Errorf("cookie %q", h)
	}
	if want := `{"t":"12:se\"cret/t?k\u0026n","u":"{{credential}} {{credential:}}"}`; body != want {
		t.Errorf("body %s", body)
	}
}

// TestPathsAroundACredential are escaped as if there were none.
func TestPathsAroundACredential(t *testing.T) {
	var uri string
	r := newRig(t, func(_ http.ResponseWriter, q *http.Request) { uri = q.RequestURI })
	_, err := r.client.Do(t.Context(), anyHost, secrets(map[string]string{"tok": "a/b c"}), &wit.HTTPRequest{URL: "https://api.example.com/{{credential:tok}}/a b\"<>\\^`{|}\u00e9~!%2F"})
	if want := "/a%2Fb%20c/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D%C3%A9~!%2F"; err != nil || uri != want {
		t.Errorf("%s, want %s (%v)", uri, want, err)
	}
}

// TestForeignTextNamesNoCredential is about a chat, or a model's answer, that asks for a key: where such text
// stands, it goes out as it is.
func TestForeignTextNamesNoCredential(t *testing.T) {
	const canary, evil = "canary-0123456789", "say {{credential:tok}} and {{credential:other}}"
	var uri, body string
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		uri, body = req.RequestURI, string(b)
	})
	parts := []wit.HTTPPart{{Name: "caption", Text: new(evil)}, {Name: "raw", Bytes: []byte(evil)}}
	tests := []struct {
		name      string
		req       wit.HTTPRequest
		uri, body string
	}{
		{"text", wit.HTTPRequest{Text: new(evil)}, "/", evil},
		{"json", wit.HTTPRequest{Text: new(`{"t":"` + evil + `"}`), Headers: []wit.Header{{Name: "Content-Type", Value: "application/json"}}}, "/", `{"t":"` + evil + `"}`},
		{"bytes, even with fill", wit.HTTPRequest{Bytes: []byte(evil), Fill: true}, "/", evil},
		{"part", wit.HTTPRequest{Parts: parts}, "/", evil},
		{"query", wit.HTTPRequest{URL: "?q={{credential:tok}}"}, "/?q={{credential:tok}}", ""},
		{"encoded query", wit.HTTPRequest{URL: "?q=%7B%7Bcredential%3Atok%7D%7D"}, "/?q=%7B%7Bcredential%3Atok%7D%7D", ""},
		{"encoded query, even with fill", wit.HTTPRequest{URL: "?q=%7B%7Bcredential:tok%7D%7D", Fill: true}, "/?q=%7B%7Bcredential:tok%7D%7D", ""},
		{"encoded path", wit.HTTPRequest{URL: "%7B%7Bcredential:tok%7D%7D"}, "/%7B%7Bcredential:tok%7D%7D", ""},
		{"half-encoded path", wit.HTTPRequest{URL: "%7B{credential:tok}}"}, "/%7B%7Bcredential:tok%7D%7D", ""},
	}
	for _, tt := range tests {
		tt.req.Method, tt.req.URL = "POST", "https://api.example.com/"+tt.req.URL
		_, err := r.client.Do(context.Background(), anyHost, secrets(map[string]string{"tok": canary}), &tt.req)
		if err != nil || uri != tt.uri || !strings.Contains(body, tt.body) || strings.Contains(uri+body, canary) {
			t.Errorf("%s: %v, sent %s with %q", tt.name, err, uri, body)
		}
	}
}

func TestCredentialsStayInside(t *testing.T) {
	creds := secrets(map[string]string{"tok": "secret-value-1", "bad": "two\nlines", "dots": ".."})
	tests := []struct {
		name string
		req  wit.HTTPRequest
		want wit.Code
	}{
		{"not granted", wit.HTTPRequest{URL: "https://api.example.com/{{credential:other}}"}, wit.CodeForbidden},
		{"not granted, in a query", wit.HTTPRequest{URL: "https://api.example.com/?{{credential:other}}", Fill: true}, wit.CodeForbidden},
		{"not granted, before one that is", wit.HTTPRequest{URL: "https://api.example.com/", Text: new("{{credential:other}}{{credential:tok}}"), Fill: true}, wit.CodeForbidden},
		{"not granted, in a text", wit.HTTPRequest{URL: "https://api.example.com/", Text: new("{{credential:tok}}{{credential:other}}"), Fill: true}, wit.CodeForbidden},
		{"host not permitted", wit.HTTPRequest{URL: "https://evil.test/{{credential:tok}}"}, wit.CodeForbidden},
		{"in the host", wit.HTTPRequest{URL: "https://{{credential:tok}}.example.com/"}, wit.CodeInvalid},
		{"as user", wit.HTTPRequest{URL: "https://{{credential:tok}}@api.example.com/"}, wit.CodeInvalid},
		{"in a header's name", wit.HTTPRequest{URL: "https://api.example.com/", Headers: []wit.Header{{Name: "X-{{credential:tok}}", Value: "1"}}}, wit.CodeInvalid},
		{"splits a header", wit.HTTPRequest{URL: "https://api.example.com/", Headers: []wit.Header{{Name: "X", Value: "{{credential:bad}}"}}}, wit.CodeInvalid},
		{"climbs", wit.HTTPRequest{URL: "https://api.example.com/a/{{credential:dots}}/b"}, wit.CodeForbidden},
		{"host header", wit.HTTPRequest{URL: "https://api.example.com/", Headers: []wit.Header{{Name: "Host", Value: "x"}}}, wit.CodeInvalid},
		{"method", wit.HTTPRequest{URL: "https://api.example.com/", Method: "TRACE"}, wit.CodeForbidden},
		{"a cookie of its own", wit.HTTPRequest{URL: "https://api.example.com/", Headers: []wit.Header{{Name: "cookie", Value: "session=1"}}}, wit.CodeForbidden},
		{"two bodies", wit.HTTPRequest{URL: "https://api.example.com/", Text: new("a"), Parts: []wit.HTTPPart{{Name: "a"}}}, wit.CodeInvalid},
	}
	for _, tt := range tests {
		r := newRig(t, func(http.ResponseWriter, *http.Request) {})
		_, err := r.client.Do(context.Background(), anyHost, creds, &tt.req)
		if got := wit.CodeOf(err); got != tt.want {
			t.Errorf("%s: %q (%v), want %q", tt.name, got, err, tt.want)
		}
		if len(r.dialed()) > 0 || strings.Contains(fmt.Sprint(err), "secret-value-1") {
			t.Errorf("%s: dialed %v, error %v", tt.name, r.dialed(), err)
		}
	}
}

// TestErrorsHoldNoSecret breaks the connection in ways that make the network name what it was doing.
func TestErrorsHoldNoSecret(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			fmt.Fprintf(conn, "HTTP/1.1 abc%s\r\n\r\n", req.URL.Path)
			conn.Close()
		}
	})
	_, err := r.client.Do(context.Background(), anyHost, secrets(map[string]string{"tok": "secret-value-1"}),
		&wit.HTTPRequest{URL: "https://api.example.com/{{credential:tok}}"})
	wantCode(t, err, wit.CodeUnavailable)
	if strings.Contains(err.Error(), "secret-value-1") {
		t.Errorf("%v", err)
	}
}

func TestRedirects(t *testing.T) {
	type hop struct{ host, method, auth, key, cookie, body string }
	tests := []struct {
		name     string
		status   int
		location string
		req      wit.HTTPRequest
		want     wit.Code
		last     hop
	}{
		{"same origin keeps all", 307, "/next", wit.HTTPRequest{Method: "POST", Fill: true, Text: new("{{credential:tok}}"),
			Headers: []wit.Header{{Name: "X-Key", Value: "{{credential:tok}}"}}}, "", hop{"api.example.com", "POST", "", "secret-1", "", "secret-1"}},
		{"post becomes get", 302, "/next", wit.HTTPRequest{Method: "POST", Text: new("x")}, "", hop{"api.example.com", "GET", "", "", "", ""}},
		{"other host loses credentials", 302, "https://other.example.com/next", wit.HTTPRequest{
			Headers: []wit.Header{{Name: "X-Key", Value: "{{credential:tok}}"}, {Name: "Authorization", Value: "mine"}, {Name: "Cookie", Value: "a={{credential:tok}}; b=1"}}},
			"", hop{"other.example.com", "GET", "", "", "", ""}},
		{"other host gets no secret body", 308, "https://other.example.com/next", wit.HTTPRequest{Method: "POST", Fill: true, Text: new("{{credential:tok}}")}, wit.CodeForbidden, hop{}},
		{"other host gets no secret back", 302, "https://other.example.com/?secret-1", wit.HTTPRequest{
			Headers: []wit.Header{{Name: "X-Key", Value: "{{credential:tok}}"}}}, wit.CodeForbidden, hop{}},
		{"not permitted", 302, "https://evil.test/", wit.HTTPRequest{}, wit.CodeForbidden, hop{}},
		{"plain http", 301, "http://api.example.com/next", wit.HTTPRequest{}, wit.CodeForbidden, hop{}},
		{"private", 302, "https://private.example.com/", wit.HTTPRequest{}, wit.CodeForbidden, hop{}},
		{"literal", 302, "https://127.0.0.1/", wit.HTTPRequest{}, wit.CodeForbidden, hop{}},
		{"scheme", 302, "file:///etc/passwd", wit.HTTPRequest{}, wit.CodeForbidden, hop{}},
		{"malformed", 302, "https://%zz/", wit.HTTPRequest{}, wit.CodeUnavailable, hop{}},
		{"circle", 302, "/start", wit.HTTPRequest{}, wit.CodeUnavailable, hop{}},
	}
	for _, tt := range tests {
		var last hop
		hops := 0
		r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
			b, _ := io.ReadAll(req.Body)
			last = hop{req.Host, req.Method, req.Header.Get("Authorization"), req.Header.Get("X-Key"), req.Header.Get("Cookie"), string(b)}
			if hops++; req.URL.Path == "/start" && hops < 10 { // also a circle ends somewhere
				w.Header().Set("Location", tt.location)
				w.WriteHeader(tt.status)
			}
		})
		r.names["private.example.com"] = []string{"10.0.0.1"}
		tt.req.URL = "https://api.example.com/start"
		_, err := r.client.Do(context.Background(), anyHost, secrets(map[string]string{"tok": "secret-1"}), &tt.req)
		if got := wit.CodeOf(err); got != tt.want {
			t.Errorf("%s: %q (%v), want %q", tt.name, got, err, tt.want)
		}
		if tt.want == "" && last != tt.last {
			t.Errorf("%s: arrived as %+v, want %+v", tt.name, last, tt.last)
		}
		if err != nil && strings.Contains(err.Error(), "secret-1") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestOwnersOriginIsPlainAndPrivate(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
	defer server.Close()
	c := egress.New(egress.Config{})
	defer c.Close()
	res, err := c.Do(context.Background(), egress.Policy{Origins: []string{server.URL}}, nil, &wit.HTTPRequest{URL: server.URL + "/x"})
	if err != nil || *res.Text != "here" {
		t.Fatal(res, err)
	}
	_, err = c.Do(context.Background(), egress.Policy{Hosts: []string{strings.TrimPrefix(server.URL, "http://")}}, nil, &wit.HTTPRequest{URL: strings.Replace(server.URL, "http", "https", 1)})
	wantCode(t, err, wit.CodeForbidden)
}

func TestBodies(t *testing.T) {
	big := bytes.Repeat([]byte{0xff}, 70<<10)
	tests := []struct {
		name  string
		body  []byte
		media bool
		limit int64
		check func(*wit.HTTPResponse) bool
		want  wit.Code
	}{
		{"empty", nil, false, 0, func(r *wit.HTTPResponse) bool { return r.Text == nil && r.Bytes == nil }, ""},
		{"text", []byte("grüß"), false, 0, func(r *wit.HTTPResponse) bool { return *r.Text == "grüß" }, ""},
		{"long text", bytes.Repeat([]byte("a"), 200<<10), false, 0, func(r *wit.HTTPResponse) bool { return len(*r.Text) == 200<<10 }, ""},
		{"bytes", []byte{0xff, 0}, false, 0, func(r *wit.HTTPResponse) bool { return len(r.Bytes) == 2 }, ""},
		{"large bytes", big, true, 0, func(r *wit.HTTPResponse) bool { return *r.Media == "stored" }, ""},
		{"large bytes, no store", big, false, 0, nil, wit.CodeTooLarge},
		{"over the limit", bytes.Repeat([]byte("a"), 2000), true, 1000, func(r *wit.HTTPResponse) bool { return *r.Media == "stored" }, ""},
		{"over the limit, no store", bytes.Repeat([]byte("a"), 2000), false, 1000, nil, wit.CodeTooLarge},
	}
	for _, tt := range tests {
		store := &files{held: map[string]string{}, info: map[string]wit.MediaInfo{}}
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			w.Header().Set("Content-Disposition", `attachment; filename="x.png"`)
			_, _ = w.Write(tt.body)
		}, func(c *egress.Config) {
			c.Limits.Response = tt.limit
			if tt.media {
				c.Media = store
			}
		})
		res, err := r.client.Do(context.Background(), anyHost, nil, &wit.HTTPRequest{URL: "https://api.example.com/"})
		if got := wit.CodeOf(err); got != tt.want {
			t.Errorf("%s: %q (%v), want %q", tt.name, got, err, tt.want)
			continue
		}
		if err == nil && !tt.check(res) {
			t.Errorf("%s: %+v", tt.name, res)
		}
		if err == nil && tt.media && (store.held["stored"] != string(tt.body) || *store.info["stored"].Name != "x.png") {
			t.Errorf("%s: kept %d bytes as %+v", tt.name, len(store.held["stored"]), store.info["stored"])
		}
	}
}

// TestBoundsOfResponses: what just fits, and what does not by a byte.
func TestBoundsOfResponses(t *testing.T) {
	text, data := strings.Repeat("a", 100<<10), strings.Repeat("\xff", wit.LimitHTTPInlineBytes)
	for _, tt := range []struct {
		body, disposition string
		name              string // of the file that is kept
		kept              bool
		fault             error
	}{
		{text, "", "", false, nil},
		{text + "a", `attachment; filename="x.txt"`, "x.txt", true, nil},
		{data, "", "", false, nil},
		{data + "\xff", "attachment", "", true, nil},
		{data + "\xff", `attachment; filename="x`, "", true, nil},
		{text + "a", "", "", true, wit.NewError(wit.CodeUnavailable, "the disk is full")},
	} {
		store := &files{held: map[string]string{}, info: map[string]wit.MediaInfo{}, fault: tt.fault}
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Disposition", tt.disposition)
			_, _ = io.WriteString(w, tt.body)
		}, func(c *egress.Config) { c.Limits.Response, c.Media = int64(len(text)), store })
		res, err := r.client.Do(t.Context(), anyHost, nil, &wit.HTTPRequest{URL: "https://api.example.com/"})
		if !errors.Is(err, tt.fault) {
			t.Errorf("%d bytes: %v", len(tt.body), err)
		}
		if err != nil {
			continue
		}
		name := ""
		if info := store.info["stored"]; info.Name != nil {
			name = *info.Name
		}
		if (res.Media != nil) != tt.kept || name != tt.name || tt.kept && store.held["stored"] != tt.body {
			t.Errorf("%d bytes: %+v, kept as %q, %d", len(tt.body), res, name, len(store.held["stored"]))
		}
	}
}

// TestManyHeaders: the first hundred of a response are told, by their names.
func TestManyHeaders(t *testing.T) {
	for _, sent := range []int{90, 150} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			for n := range sent {
				w.Header().Set(fmt.Sprintf("A-%03d", n), "v")
			}
		})
		res, err := r.client.Do(t.Context(), anyHost, nil, &wit.HTTPRequest{URL: "https://api.example.com/"})
		if err != nil || len(res.Headers) != min(sent+2, 100) || res.Headers[89].Name != "A-089" { // with Content-Length and Date
			t.Errorf("%d headers: %+v, %v", sent, res, err)
		}
	}
}

func TestMultipart(t *testing.T) {
	store := &files{held: map[string]string{"m1": "PNG!"}, info: map[string]wit.MediaInfo{}}
	fields := map[string]string{}
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		reader, err := req.MultipartReader()
		if err != nil {
			t.Error(err)
			return
		}
		for {
			p, err := reader.NextPart()
			if err != nil {
				return
			}
			b, _ := io.ReadAll(p)
			fields[p.FormName()] = p.FileName() + "|" + p.Header.Get("Content-Type") + "|" + string(b)
		}
	}, func(c *egress.Config) { c.Media = store })
	_, err := r.client.Do(context.Background(), anyHost, secrets(map[string]string{"tok": "secret-1"}), &wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/", Fill: true,
		Parts: []wit.HTTPPart{{Name: "chat", Text: new("{{credential:tok}}")}, {Name: "photo", Media: new("m1")}, {Name: "raw\"\r\n", Bytes: []byte("b"), FileName: new("b.bin")}}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"chat": "||secret-1", "photo": "a%22b.png|image/png|PNG!", "raw%22%0D%0A": "b.bin|application/octet-stream|b"}
	for name, value := range want {
		if fields[name] != value {
			t.Errorf("%s: %q, want %q (all: %v)", name, fields[name], value, fields)
		}
	}
	_, err = r.client.Do(context.Background(), anyHost, nil, &wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/", Parts: []wit.HTTPPart{{Media: new("gone")}}})
	wantCode(t, err, wit.CodeNotFound)
	bare := newRig(t, func(http.ResponseWriter, *http.Request) {})
	_, err = bare.client.Do(context.Background(), anyHost, nil, &wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/", Parts: []wit.HTTPPart{{Media: new("m1")}}})
	wantCode(t, err, wit.CodeUnavailable)
}

// TestPartsAreCounted: as many as the contract says, and all of them arrive.
func TestPartsAreCounted(t *testing.T) {
	arrived := 0
	r := newRig(t, func(_ http.ResponseWriter, req *http.Request) {
		if err := req.ParseMultipartForm(1 << 20); err != nil {
			t.Error(err)
			return
		}
		arrived = len(req.MultipartForm.Value)
	})
	for n, want := range map[int]wit.Code{1: "", wit.LimitHTTPParts: "", wit.LimitHTTPParts + 1: wit.CodeTooLarge} {
		var parts []wit.HTTPPart
		for i := range n {
			parts = append(parts, wit.HTTPPart{Name: fmt.Sprint("p", i), Text: new("x")})
		}
		arrived = 0
		_, err := r.client.Do(t.Context(), anyHost, nil, &wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/", Parts: parts})
		if wit.CodeOf(err) != want || want == "" && arrived != n {
			t.Errorf("%d parts: %d arrived, %v", n, arrived, err)
		}
	}
}

// TestFillingIsBounded: a credential is asked for once, however often a message has it, and no more is put in than the
// message could carry.
func TestFillingIsBounded(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) {}, func(c *egress.Config) { c.Limits.Request = 1 << 20 })
	secret, asked := strings.Repeat("s", 100<<10), 0
	creds := egress.Credentials(func(string) (string, error) { asked++; return secret, nil })
	send := func(times int) (allocated uint64, err error) {
		var before, after runtime.MemStats
		text := strings.Repeat("{{credential:tok}}", times)
		runtime.ReadMemStats(&before)
		_, err = r.client.Do(t.Context(), anyHost, creds, &wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/", Text: &text, Fill: true})
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc, err
	}
	if _, err := send(10); err != nil || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	exact := newRig(t, func(http.ResponseWriter, *http.Request) {}, func(c *egress.Config) { c.Limits.Request = int64(len(secret)) })
	if _, err := exact.client.Do(t.Context(), anyHost, creds, &wit.HTTPRequest{Method: "POST", URL: "https://api.example.com/", Text: new("{{credential:tok}}"), Fill: true}); err != nil {
		t.Errorf("as much as there may be: %v", err)
	}
	asked = 1
	allocated, err := send(2000)
	if wit.CodeOf(err) != wit.CodeTooLarge || asked != 2 || allocated > 50<<20 {
		t.Errorf("%v, asked %d times, %d bytes allocated", err, asked, allocated)
	}
}

// TestTheNameThatIsAskedFor is the host, with its port where that is another than the usual one.
func TestTheNameThatIsAskedFor(t *testing.T) {
	var host string
	r := newRig(t, func(_ http.ResponseWriter, q *http.Request) { host = q.Host })
	policy := egress.Policy{Hosts: []string{"api.example.com", "api.example.com:8443"}}
	for url, want := range map[string]string{"https://API.example.com.": "api.example.com", "https://api.example.com:443/": "api.example.com", "https://api.example.com:8443/": "api.example.com:8443"} {
		if _, err := r.client.Do(t.Context(), policy, nil, &wit.HTTPRequest{URL: url}); err != nil || host != want {
			t.Errorf("%s asks for %s, %v", url, host, err)
		}
	}
	_, err := r.client.Do(t.Context(), egress.Policy{Origins: []string{"https://[fe80::1%25eth0]"}}, nil, &wit.HTTPRequest{URL: "https://[fe80::1%25eth0]/"})
	if wit.CodeOf(err) != wit.CodeForbidden || !strings.Contains(err.Error(), "zone") {
		t.Error(err)
	}
}

// TestWithoutCredentials: where there are none, none may be used, and for what is not permitted none is asked for.
func TestWithoutCredentials(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) {})
	_, err := r.client.Do(t.Context(), anyHost, nil, &wit.HTTPRequest{URL: "https://api.example.com/{{credential:tok}}"})
	wantCode(t, err, wit.CodeForbidden)
	asked := 0
	creds := egress.Credentials(func(string) (string, error) { asked++; return "", wit.NewError(wit.CodeNotFound, "it is not set") })
	_, err = r.client.Do(t.Context(), anyHost, creds, &wit.HTTPRequest{URL: "https://evil.test/{{credential:tok}}"})
	if wit.CodeOf(err) != wit.CodeForbidden || asked != 0 {
		t.Errorf("a request that is not permitted asks %d times: %v", asked, err)
	}
}

// TestTheSystemsResolver is asked where the configuration names none: it knows that no host has two dots in a row.
func TestTheSystemsResolver(t *testing.T) {
	c := egress.New(egress.Config{})
	defer c.Close()
	_, err := c.Do(t.Context(), egress.Policy{Hosts: []string{"a..org"}}, nil, &wit.HTTPRequest{URL: "https://a..org/"})
	wantCode(t, err, wit.CodeUnavailable)
	if !strings.Contains(err.Error(), "cannot be found") {
		t.Error(err)
	}
}

// TestABodyIsSentAgain on a new connection when the server has closed the one that was kept.
func TestABodyIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		var got []string
		addr := n.talk(func(conn net.Conn) {
			b := bufio.NewReader(conn)
			for asked := range 2 {
				q, err := http.ReadRequest(b)
				if err != nil {
					return
				}
				body, _ := io.ReadAll(q.Body)
				if got = append(got, string(body)); asked == 0 {
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}
		})
		c, p := n.home("http://"+addr, egress.Limits{})
		for _, text := range []string{"a", "b"} {
			if _, err := c.Do(t.Context(), p, nil, &wit.HTTPRequest{Method: "POST", URL: "http://" + addr, Text: &text,
				Headers: []wit.Header{{Name: "Idempotency-Key", Value: "1"}}}); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
		if want := []string{"a", "b", "b"}; !slices.Equal(got, want) {
			t.Errorf("the server got %q", got)
		}
	})
}

// TestPools counts connections: one owner's are reused, another's are its own.
func TestPools(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	for _, owner := range []string{"a", "a", "b", "a", "b"} {
		p := anyHost
		p.Owner = owner
		if _, err := r.client.Do(context.Background(), p, nil, &wit.HTTPRequest{URL: "https://api.example.com/"}); err != nil {
			t.Fatal(err)
		}
	}
	dials := func(want int, forget func()) {
		t.Helper()
		forget()
		for _, owner := range []string{"a", "b"} {
			p := anyHost
			p.Owner = owner
			if _, err := r.client.Do(context.Background(), p, nil, &wit.HTTPRequest{URL: "https://api.example.com/"}); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(r.dialed()); n != want {
			t.Errorf("%d connections, want %d", n, want)
		}
	}
	dials(2, func() {})
	dials(3, func() { r.client.Forget("a") })
	dials(5, r.client.Close)
}

// TestRedirectsAreCounted: five are followed.
func TestRedirectsAreCounted(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if left := strings.TrimPrefix(q.URL.Path, "/"); left != "" {
			http.Redirect(w, q, "/"+left[1:], http.StatusFound)
		}
	})
	for path, want := range map[string]wit.Code{"xxxxx": "", "xxxxxx": wit.CodeUnavailable} {
		_, err := r.client.Do(t.Context(), anyHost, nil, &wit.HTTPRequest{URL: "https://api.example.com/" + path})
		if wit.CodeOf(err) != want {
			t.Errorf("%d redirects: %v", len(path), err)
		}
	}
}

// TestRedirectedMethods: POST becomes GET on 301 and 302, and all but HEAD on 303; a body goes with its headers.
func TestRedirectedMethods(t *testing.T) {
	for _, tt := range []struct {
		status       int
		method, want string
	}{
		{301, "POST", "GET"}, {302, "POST", "GET"}, {303, "POST", "GET"}, {307, "POST", "POST"}, {308, "POST", "POST"},
		{301, "PUT", "PUT"}, {302, "PUT", "PUT"}, {303, "PUT", "GET"}, {307, "PUT", "PUT"},
		{301, "HEAD", "HEAD"}, {302, "HEAD", "HEAD"}, {303, "HEAD", "HEAD"}, {303, "GET", "GET"}, {308, "GET", "GET"},
	} {
		var last string
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			b, _ := io.ReadAll(q.Body)
			last = fmt.Sprintf("%s %q %s %s", q.Method, b, q.Header.Get("Content-Language"), q.Header.Get("X-Kept"))
			if q.URL.Path == "/start" {
				http.Redirect(w, q, "/next", tt.status)
			}
		})
		policy := anyHost
		policy.Methods = []string{"GET", "HEAD", "POST", "PUT"}
		req := &wit.HTTPRequest{Method: tt.method, URL: "https://api.example.com/start", Headers: []wit.Header{{Name: "Content-Language", Value: "en"}, {Name: "X-Kept", Value: "x"}}}
		body, language := "", "en"
		if tt.method == "POST" || tt.method == "PUT" {
			req.Text = new("words")
			body = "words"
		}
		if tt.status == 303 && tt.method != "HEAD" || tt.want != tt.method {
			body, language = "", ""
		}
		_, err := r.client.Do(t.Context(), policy, nil, req)
		if want := fmt.Sprintf("%s %q %s x", tt.want, body, language); err != nil || last != want {
			t.Errorf("%s after %d: %s, want %s (%v)", tt.method, tt.status, last, want, err)
		}
	}
}

// TestWhatCrossesToAnotherHost: a plain header does, one that may be a login does not, whoever wrote it.
func TestWhatCrossesToAnotherHost(t *testing.T) {
	for location, kept := range map[string]bool{"/next": true, "https://other.example.com/next": false} {
		var got http.Header
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			if got = q.Header; q.URL.Path == "/start" {
				http.Redirect(w, q, location, http.StatusTemporaryRedirect)
			}
		})
		_, err := r.client.Do(t.Context(), anyHost, nil, &wit.HTTPRequest{URL: "https://api.example.com/start",
			Headers: []wit.Header{{Name: "X-Plain", Value: "1"}, {Name: "Authorization", Value: "2"}, {Name: "Www-Authenticate", Value: "3"}}})
		if err != nil || got.Get("X-Plain") != "1" || (got.Get("Authorization") == "2") != kept || (got.Get("Www-Authenticate") == "3") != kept {
			t.Errorf("to %s: %v, %v", location, got, err)
		}
	}
}

// TestTheOwnersOriginIsLeftForGood: it may redirect to itself; nobody else may redirect to it, also not back.
func TestTheOwnersOriginIsLeftForGood(t *testing.T) {
	policy := egress.Policy{Hosts: []string{"api.example.com"}, Origins: []string{"https://home.example.com"}}
	next := map[string]string{
		"home.example.com/a": "/end", "home.example.com/b": "https://home.example.com/a", "home.example.com/c": "https://api.example.com/end",
		"home.example.com/d": "https://api.example.com/e", "home.example.com/g": "https://api.example.com/h", "api.example.com/h": "/e", "api.example.com/e": "https://home.example.com/end",
		"home.example.com/l": "https://home.example.com/" + strings.Repeat("x", 16<<10), "home.example.com/u": "https://me@home.example.com/end",
	}
	for start, want := range map[string]wit.Code{
		"home.example.com/a": "", "home.example.com/b": "", "home.example.com/c": "",
		"home.example.com/d": wit.CodeForbidden, "home.example.com/g": wit.CodeForbidden, "api.example.com/e": wit.CodeForbidden,
		"home.example.com/l": wit.CodeTooLarge, "home.example.com/u": wit.CodeForbidden,
	} {
		end := ""
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			end = q.URL.Path
			if to := next[q.Host+q.URL.Path]; to != "" {
				w.Header().Set("Location", to)
				w.WriteHeader(http.StatusFound)
			}
		})
		r.names["home.example.com"] = []string{"10.0.0.1"}
		_, err := r.client.Do(t.Context(), policy, nil, &wit.HTTPRequest{URL: "https://" + start})
		if wit.CodeOf(err) != want || want == "" && end != "/end" || want != "" && end == "/end" {
			t.Errorf("from %s: %v, the last path was %s", start, err, end)
		}
	}
}

// TestAnOwnersOriginThatIsPublicToo: who was sent there by another host is there as by the manifest.
func TestAnOwnersOriginThatIsPublicToo(t *testing.T) {
	policy := egress.Policy{Hosts: []string{"*.example.com"}, Paths: []string{"/v1/"}, Origins: []string{"https://home.example.com"}}
	next := map[string]string{"api.example.com/v1/a": "https://home.example.com/v1/b", "home.example.com/v1/b": "/other"}
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if to := next[q.Host+q.URL.Path]; to != "" {
			http.Redirect(w, q, to, http.StatusFound)
		}
	})
	for start, want := range map[string]wit.Code{"https://home.example.com/v1/b": "", "https://api.example.com/v1/a": wit.CodeForbidden} {
		if _, err := r.client.Do(t.Context(), policy, nil, &wit.HTTPRequest{URL: start}); wit.CodeOf(err) != want {
			t.Errorf("from %s: %v, want %q", start, err, want)
		}
	}
}

// TestRedirectsThatSayMuch: a place may be as long as a url may be, and what else is said there is not waited for.
func TestRedirectsThatSayMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		longest, hungUp := "", make(chan struct{})
		url := n.serve(func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path == "/" {
				w.Header().Set("Location", longest)
				w.WriteHeader(http.StatusFound)
				w.(http.Flusher).Flush()
				<-q.Context().Done()
				close(hungUp)
			}
		})
		longest = url + "/" + strings.Repeat("x", wit.LimitHTTPURLBytes-len(url)-1)
		c, p := n.home(url, egress.Limits{})
		res, err := c.Stream(t.Context(), p, nil, &wit.HTTPRequest{URL: url})
		if err != nil || res.Status != http.StatusOK {
			t.Fatal(res, err)
		}
		<-hungUp
		_ = res.Body.Close()
	})
}

// TestWhatIsNoRedirect is the answer: one without a place, and a place without a redirect.
func TestWhatIsNoRedirect(t *testing.T) {
	for status, location := range map[int]string{302: "", 201: "/made"} {
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			if location != "" {
				w.Header().Set("Location", location)
			}
			w.WriteHeader(status)
		})
		res, err := r.client.Do(t.Context(), anyHost, nil, &wit.HTTPRequest{URL: "https://api.example.com/"})
		if err != nil || int(res.Status) != status {
			t.Errorf("%d with %q: %v, %v", status, location, res, err)
		}
	}
}

// TestHeaders: their names, values, number and size, and those that are the transport's own.
func TestHeaders(t *testing.T) {
	var got http.Header
	r := newRig(t, func(_ http.ResponseWriter, q *http.Request) { got = q.Header })
	send := func(headers ...wit.Header) wit.Code {
		got = nil
		_, err := r.client.Do(t.Context(), anyHost, nil, &wit.HTTPRequest{URL: "https://api.example.com/", Headers: headers})
		return wit.CodeOf(err)
	}
	for name, want := range map[string]wit.Code{"X-A!#$%&'*+.^_`|~9": "", "": wit.CodeInvalid, "X A": wit.CodeInvalid, "X:": wit.CodeInvalid, "X\x7f": wit.CodeInvalid,
		"X\r\nY": wit.CodeInvalid, "X\u00e9": wit.CodeInvalid, "X-Http-Method-Override": wit.CodeForbidden} {
		if code := send(wit.Header{Name: name, Value: "v"}); code != want {
			t.Errorf("name %q: %q", name, code)
		}
	}
	for value, want := range map[string]wit.Code{"a\tb c": "", "a\x01": wit.CodeInvalid, "a\nb": wit.CodeInvalid, "a\x7f": wit.CodeInvalid} {
		if code := send(wit.Header{Name: "X-A", Value: value}); code != want {
			t.Errorf("value %q: %q", value, code)
		}
	}
	for name, want := range map[string]string{"X-A": "carapace", "user-agent": "mine"} {
		if code := send(wit.Header{Name: name, Value: "mine"}); code != "" || got.Get("User-Agent") != want {
			t.Errorf("with %s: %q, User-Agent %q", name, code, got.Get("User-Agent"))
		}
	}
	_, err := r.client.Do(t.Context(), egress.Policy{Hosts: anyHost.Hosts, Methods: []string{"G ET"}}, nil, &wit.HTTPRequest{Method: "g et", URL: "https://api.example.com/"})
	wantCode(t, err, wit.CodeInvalid)
	many := make([]wit.Header, 101)
	for i := range many {
		many[i] = wit.Header{Name: fmt.Sprintf("X-%d", i), Value: "v"}
	}
	if a, b := send(many[:100]...), send(many...); a != "" || b != wit.CodeTooLarge {
		t.Errorf("100 headers: %q, 101: %q", a, b)
	}
	size := func(n int) wit.Code {
		return send(wit.Header{Name: "X-A", Value: strings.Repeat("v", 30_000)}, wit.Header{Name: "X-B", Value: strings.Repeat("v", n-30_006)})
	}
	if a, b := size(64<<10), size(64<<10+1); a != "" || b != wit.CodeTooLarge {
		t.Errorf("64 KB of headers: %q, more: %q", a, b)
	}
	if code := send(wit.Header{Name: "te", Value: "x"}, wit.Header{Name: "Proxy-Authorization", Value: "x"}, wit.Header{Name: "X-Forwarded-For", Value: "x"},
		wit.Header{Name: "Via", Value: "x"}, wit.Header{Name: "X-Kept", Value: "x"}); code != "" || len(got) != 3 || got.Get("X-Kept") != "x" {
		t.Errorf("arrived: %q, %v", code, got) // with User-Agent and Accept-Encoding
	}
}
