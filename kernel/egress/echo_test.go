package egress_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/coder/websocket"
)

// form is a way in which a server may say a credential back, and what of it nobody but the credential's owner knows.
type form struct{ text, core string }

func spoken(t *testing.T, secret string) map[string]form {
	t.Helper()
	quoted, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string]form{}
	for name, text := range map[string]string{
		"plain": secret, "json": string(quoted), "path": url.PathEscape(secret), "query": url.QueryEscape(secret),
		"lower-case query": strings.NewReplacer("%2B", "%2b", "%2F", "%2f", "%3F", "%3f").Replace(url.QueryEscape(secret)),
		"simple json":      strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(secret),
	} {
		forms[name] = form{text, strings.Trim(text, `"`)}
	}
	for _, before := range []string{"", "u:", "user:", "üser:"} {
		for _, after := range []string{"", ".", "&c"} {
			from, to := (len(before)*8+5)/6, (len(before)+len(secret))*8/6
			for name, encoding := range map[string]*base64.Encoding{"base64 ": base64.StdEncoding, "base64url ": base64.RawURLEncoding} {
				text := encoding.EncodeToString([]byte(before + secret + after))
				forms[name+before+after] = form{text, text[from:to]}
			}
		}
	}
	return forms
}

// leaks reports whether much of what is secret in a form is still in what came back.
func leaks(got, core string) bool {
	for i := 0; i+4 <= len(core); i++ {
		if strings.Contains(got, core[i:i+4]) {
			return true
		}
	}
	return false
}

const ordinary = "what was asked for, and 0123456789 besides"

// TestEchoesAreRemoved: a permitted host that says a credential back does not hand it to the plugin, in headers, in the
// body, in a stream that comes in pieces, or on a connection that stays.
func TestEchoesAreRemoved(t *testing.T) {
	const secret = `Se+cReT/t0kEn?k&n"x`
	for name, f := range spoken(t, secret) {
		t.Run(name, func(t *testing.T) {
			form, core := f.text, f.core
			body := ordinary + " " + form + form + " " + ordinary + " " + core[:3] + "~" + form
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				if q.Header.Get("Upgrade") != "" {
					c, err := websocket.Accept(w, q, nil)
					if err != nil {
						return
					}
					_ = c.Write(q.Context(), websocket.MessageText, []byte(body))
					_ = c.Write(q.Context(), websocket.MessageBinary, []byte(body))
					_, _, _ = c.Read(q.Context())
					return
				}
				w.Header().Set("X-Echo", form)
				w.WriteHeader(200)
				if q.URL.Path == "/stream" {
					for i := range len(body) {
						_, _ = io.WriteString(w, body[i:i+1])
						w.(http.Flusher).Flush()
					}
					return
				}
				_, _ = io.WriteString(w, body)
			})
			creds := secrets(map[string]string{"tok": secret})
			headers := []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:tok}}"}}
			check := func(where, got string) {
				t.Helper()
				if leaks(got, core) || !strings.Contains(got, core[:3]+"~") || !strings.HasPrefix(got, ordinary) || strings.Count(got, ordinary) != 2 || !strings.Contains(got, "[redacted]") {
					t.Errorf("%s: %q", where, got)
				}
			}
			ask := func(path string) *wit.HTTPRequest {
				return &wit.HTTPRequest{URL: "https://api.example.com" + path, Headers: headers}
			}
			res, err := r.client.Do(context.Background(), anyHost, creds, ask("/"))
			if err != nil {
				t.Fatal(err)
			}
			check("body", *res.Text)
			for _, h := range res.Headers {
				if leaks(h.Value, core) {
					t.Errorf("header %s: %s", h.Name, h.Value)
				}
			}
			stream, err := r.client.Stream(context.Background(), anyHost, creds, ask("/stream"))
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(stream.Body)
			_ = stream.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			check("stream", string(b))
			conn, err := r.client.Open(t.Context(), anyHost, creds, &wit.OpenConnection{URL: "wss://api.example.com/", Headers: headers})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for _, kind := range []string{"text", "bytes"} {
				f, err := conn.Read()
				if err != nil {
					t.Fatal(err)
				}
				text := string(f.Bytes)
				if f.Text != nil {
					text = *f.Text
				}
				check(kind+" of a frame", text)
			}
		})
	}
}

// What waits for no echo is not held back: an event of a stream is there when it has come.
func TestStreamsAreNotHeldBack(t *testing.T) {
	next := make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		for n := range 3 {
			fmt.Fprintf(w, "data: event %d\n\n", n)
			w.(http.Flusher).Flush()
			<-next
		}
	})
	stream, err := r.client.Stream(context.Background(), anyHost, secrets(map[string]string{"tok": "a-long-secret"}),
		&wit.HTTPRequest{URL: "https://api.example.com/", Headers: []wit.Header{{Name: "X-Key", Value: "{{credential:tok}}"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	for n := range 3 {
		want := fmt.Sprintf("data: event %d\n\n", n)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(stream.Body, got); err != nil || string(got) != want {
			t.Fatalf("%q, %v", got, err)
		}
		next <- struct{}{}
	}
}

// A frame's credential that comes back is removed too.
func TestEchoesOfFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		server := n.socket()
		c, p := n.home(server, egress.Limits{})
		conn, err := c.Open(t.Context(), p, secrets(map[string]string{"tok": "a-long-secret"}), &wit.OpenConnection{URL: server})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		read(t, conn) // its greeting
		write(t, conn, wit.Frame{Text: new(`{"token":"{{credential:tok}}"}`), Fill: true})
		if got := *read(t, conn).Text; got != `{"token":"[redacted]"}` {
			t.Error(got)
		}
	})
}

// A request does not carry any number of credentials.
func TestCredentialsAreCounted(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) {})
	any := egress.Credentials(func(name string) (string, error) { return "secret of " + name, nil })
	for n, want := range map[int]wit.Code{16: "", 17: wit.CodeTooLarge} {
		var many []wit.Header
		for n := range n {
			many = append(many, wit.Header{Name: fmt.Sprint("X-", n), Value: fmt.Sprintf("{{credential:c%d}}", n)})
		}
		if _, err := r.client.Do(t.Context(), anyHost, any, &wit.HTTPRequest{URL: "https://api.example.com/", Headers: many}); wit.CodeOf(err) != want {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// TestHeadersThatMeanAnotherRequest: what the policy has checked is what is asked for.
func TestHeadersThatMeanAnotherRequest(t *testing.T) {
	var got http.Header
	r := newRig(t, func(_ http.ResponseWriter, q *http.Request) { got = q.Header })
	for _, name := range []string{"X-HTTP-Method-Override", "x-http-method", "X-Method-Override", "X-Original-URL", "X-Rewrite-Url"} {
		_, err := r.client.Do(context.Background(), anyHost, nil, &wit.HTTPRequest{URL: "https://api.example.com/", Headers: []wit.Header{{Name: name, Value: "DELETE"}}})
		wantCode(t, err, wit.CodeForbidden)
	}
	var headers []wit.Header
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "x-forwarded-host", "X-Real-IP", "Via", "True-Client-IP", "CF-Connecting-IP", "X-Kept"} {
		headers = append(headers, wit.Header{Name: name, Value: "127.0.0.1"})
	}
	if _, err := r.client.Do(context.Background(), anyHost, nil, &wit.HTTPRequest{URL: "https://api.example.com/", Headers: headers}); err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		if (got.Get(h.Name) != "") != (h.Name == "X-Kept") {
			t.Errorf("%s: %q", h.Name, got.Get(h.Name))
		}
	}
}

// TestEchoesBesideText: what comes back in an event's name and id, and in the reason of a close.
func TestEchoesBesideText(t *testing.T) {
	const secret = "a-long-secret"
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "event: %s\nid: %s\ndata: %s\ndata: x\n\n", secret, secret, secret)
		} else if c, err := websocket.Accept(w, q, nil); err == nil {
			_ = c.Close(4000, "no "+secret)
		}
	})
	open := func(o wit.OpenConnection) *egress.Conn {
		o.Headers = []wit.Header{{Name: "X-Key", Value: "{{credential:tok}}"}}
		conn, err := r.client.Open(t.Context(), anyHost, secrets(map[string]string{"tok": secret}), &o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	f, err := open(wit.OpenConnection{Transport: wit.TransportSSE, URL: "https://api.example.com/events"}).Read()
	if err != nil || *f.Event != "[redacted]" || *f.ID != "[redacted]" || *f.Text != "[redacted]\nx" {
		t.Errorf("an event: %+v, %v", f, err)
	}
	closed := (*egress.ClosedError)(nil)
	if _, err := open(wit.OpenConnection{URL: "wss://api.example.com/"}).Read(); !errors.As(err, &closed) || closed.Reason != "no [redacted]" {
		t.Errorf("closed with %v", err)
	}
}

// TestEchoesInWhatIsKept: the name and the type that a server gives a file are told to the plugin as well.
func TestEchoesInWhatIsKept(t *testing.T) {
	const secret = "a-long-secret"
	store := &files{held: map[string]string{}, info: map[string]wit.MediaInfo{}}
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/x-"+secret)
		w.Header().Set("Content-Disposition", `attachment; filename="`+secret+`.bin"`)
		_, _ = w.Write(bytes.Repeat([]byte{0xff}, wit.LimitHTTPInlineBytes+1))
	}, func(c *egress.Config) { c.Media = store })
	_, err := r.client.Do(t.Context(), anyHost, secrets(map[string]string{"tok": secret}),
		&wit.HTTPRequest{URL: "https://api.example.com/", Headers: []wit.Header{{Name: "X-Key", Value: "{{credential:tok}}"}}})
	if err != nil {
		t.Fatal(err)
	}
	if info := store.info["stored"]; info.Mime != "application/x-[redacted]" || *info.Name != "[redacted].bin" {
		t.Errorf("kept as %s, %s", info.Mime, *info.Name)
	}
}

// TestEchoesInRedirects: a location that repeats a credential is not followed to another host, in whatever form it does.
func TestEchoesInRedirects(t *testing.T) {
	const secret = `Se+cret/t0ken?k&n"x`
	for name, f := range spoken(t, secret) {
		called := false
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			if q.Host == "api.example.com" {
				w.Header().Set("Location", "https://other.example.com/?"+f.text)
				w.WriteHeader(302)
				return
			}
			called = true
		})
		_, err := r.client.Do(t.Context(), anyHost, secrets(map[string]string{"tok": secret}),
			&wit.HTTPRequest{URL: "https://api.example.com/", Headers: []wit.Header{{Name: "X-Key", Value: "{{credential:tok}}"}}})
		if wit.CodeOf(err) != wit.CodeForbidden || called {
			t.Errorf("%s: %v, sent %t", name, err, called)
		}
	}
}

// TestManyEchoes: a response of nothing but echoes is read before the time of a request is over.
func TestManyEchoes(t *testing.T) {
	var headers []wit.Header
	creds := map[string]string{}
	for n := range 16 {
		name := fmt.Sprint("c", n)
		creds[name] = "s+cr/t?" + name
		headers = append(headers, wit.Header{Name: name, Value: "{{credential:" + name + "}}"})
	}
	body := strings.Repeat(creds["c7"], 500_000)
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
	res, err := r.client.Do(t.Context(), anyHost, secrets(creds), &wit.HTTPRequest{URL: "https://api.example.com/", Headers: headers})
	if err != nil || strings.ReplaceAll(*res.Text, "[redacted]", "") != "" {
		t.Errorf("%v", err)
	}
}

// TestWhatIsTooShortToBeKnown: a text of eight characters is looked for in what comes back, one of four in an error. Of
// two credentials that begin alike the longer one goes as a whole.
func TestWhatIsTooShortToBeKnown(t *testing.T) {
	for secret, hidden := range map[string]bool{"sevench": false, "eightchr": true} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, ordinary+" "+secret) })
		res, err := r.client.Do(t.Context(), anyHost, secrets(map[string]string{"tok": secret}), &wit.HTTPRequest{URL: "https://api.example.com/{{credential:tok}}"})
		if err != nil || strings.Contains(*res.Text, secret) == hidden {
			t.Errorf("%s comes back: %v", secret, err)
		}
	}
	for secret, hidden := range map[string]bool{"xyz": false, "wxyz": true} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				fmt.Fprintf(conn, "HTTP/1.1 %s\r\n\r\n", secret)
				conn.Close()
			}
		})
		_, err := r.client.Do(t.Context(), anyHost, secrets(map[string]string{"tok": secret}), &wit.HTTPRequest{URL: "https://api.example.com/{{credential:tok}}"})
		if err == nil || strings.Contains(err.Error(), secret) == hidden {
			t.Errorf("%s in an error: %v", secret, err)
		}
	}
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { _, _ = io.WriteString(w, q.Header.Get("X-Long")) })
	res, err := r.client.Do(t.Context(), anyHost, secrets(map[string]string{"short": "beginning", "long": "beginning-of-another"}), &wit.HTTPRequest{URL: "https://api.example.com/",
		Headers: []wit.Header{{Name: "X-Short", Value: "{{credential:short}}"}, {Name: "X-Long", Value: "{{credential:long}}"}}})
	if err != nil || *res.Text != "[redacted]" {
		t.Errorf("%v, %v", res, err)
	}
}
