package channel_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/wit"
)

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// post sends a webhook and returns the status.
func post(s *channel.Service, path, body string, headers ...string) int {
	return serve(s, http.MethodPost, path, body, headers...).Code
}

func serve(s *channel.Service, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Service().Routes[0].Handler.ServeHTTP(w, r)
	return w
}

func TestWebhookAuthentication(t *testing.T) {
	pub, priv, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte("s3cret"))
	mac.Write([]byte("body"))
	sum := hex.EncodeToString(mac.Sum(nil))
	sign := func(stamp string) []string {
		return []string{"X-Sig", hex.EncodeToString(ed25519.Sign(priv, []byte(stamp+"body"))), "X-Time", stamp}
	}
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where the time of a bubble begins
	unix := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	timed := wit.WebhookFacts{Auth: wit.WebhookAuthEd25519, Header: ptr("X-Sig, X-Time"), Credential: ptr("hook")}
	sig := sign(unix(0))[1]
	for name, c := range map[string]struct {
		facts   wit.WebhookFacts
		secret  string
		headers []string
		want    int
	}{
		"none":                    {wit.WebhookFacts{Auth: wit.WebhookAuthNone}, "", nil, 200},
		"no recipe":               {wit.WebhookFacts{}, "", nil, 403},
		"no credential":           {wit.WebhookFacts{Auth: wit.WebhookAuthBearer, Credential: ptr("other")}, "s3cret", []string{"Authorization", "Bearer "}, 403},
		"bearer":                  {wit.WebhookFacts{Auth: wit.WebhookAuthBearer, Credential: ptr("hook")}, "s3cret", []string{"Authorization", "Bearer s3cret"}, 200},
		"bearer wrong":            {wit.WebhookFacts{Auth: wit.WebhookAuthBearer, Credential: ptr("hook")}, "s3cret", []string{"Authorization", "Bearer s3cre"}, 401},
		"bearer missing":          {wit.WebhookFacts{Auth: wit.WebhookAuthBearer, Credential: ptr("hook")}, "s3cret", nil, 401},
		"header":                  {wit.WebhookFacts{Auth: wit.WebhookAuthHeader, Header: ptr("X-Token"), Credential: ptr("hook")}, "s3cret", []string{"X-Token", "s3cret"}, 200},
		"header wrong":            {wit.WebhookFacts{Auth: wit.WebhookAuthHeader, Header: ptr("X-Token"), Credential: ptr("hook")}, "s3cret", []string{"X-Token", "x"}, 401},
		"header undeclared":       {wit.WebhookFacts{Auth: wit.WebhookAuthHeader, Credential: ptr("hook")}, "s3cret", nil, 401},
		"hmac":                    {wit.WebhookFacts{Auth: wit.WebhookAuthHMACSHA256, Header: ptr("X-Sig"), Credential: ptr("hook")}, "s3cret", []string{"X-Sig", "sha256=" + sum}, 200},
		"hmac of another body":    {wit.WebhookFacts{Auth: wit.WebhookAuthHMACSHA256, Header: ptr("X-Sig"), Credential: ptr("hook")}, "other", []string{"X-Sig", sum}, 401},
		"hmac empty":              {wit.WebhookFacts{Auth: wit.WebhookAuthHMACSHA256, Header: ptr("X-Sig"), Credential: ptr("hook")}, "s3cret", []string{"X-Sig", ""}, 401},
		"ed25519":                 {wit.WebhookFacts{Auth: wit.WebhookAuthEd25519, Header: ptr("X-Sig, X-Time"), Credential: ptr("hook")}, hex.EncodeToString(pub), sign(unix(0)), 200},
		"ed25519 in milliseconds": {timed, hex.EncodeToString(pub), sign(strconv.FormatInt(now.UnixMilli(), 10)), 200},
		"ed25519 a while ago":     {timed, hex.EncodeToString(pub), sign(unix(-4 * time.Minute)), 200},
		"ed25519 played again":    {timed, hex.EncodeToString(pub), sign(unix(-6 * time.Minute)), 401},
		"ed25519 from the future": {timed, hex.EncodeToString(pub), sign(unix(6 * time.Minute)), 401},
		"ed25519 of no time":      {timed, hex.EncodeToString(pub), sign("nonce-1"), 200},
		"ed25519 without one":     {timed, hex.EncodeToString(pub), sign("")[:2], 401},
		"ed25519 of another time": {wit.WebhookFacts{Auth: wit.WebhookAuthEd25519, Header: ptr("X-Sig, X-Time"), Credential: ptr("hook")}, hex.EncodeToString(pub), []string{"X-Sig", sig, "X-Time", unix(time.Second)}, 401},
		"ed25519 with a bad key":  {wit.WebhookFacts{Auth: wit.WebhookAuthEd25519, Header: ptr("X-Sig"), Credential: ptr("hook")}, "00ff", []string{"X-Sig", sig}, 401},
	} {
		inBubble(name, t, func(t *testing.T) {
			p := listener(func(string) error { return nil })
			p.facts.Webhook = &c.facts
			w := newWorld(t, p)
			if c.secret != "" {
				w.secrets["hook"] = c.secret
			}
			s, _ := w.run()
			synctest.Wait()
			if got := post(s, "/plugins/chat/main/in", "body", c.headers...); got != c.want {
				t.Errorf("status %d, want %d", got, c.want)
			}
			if n := len(w.turns()); n != 0 != (c.want == 200) {
				t.Errorf("%d turns", n)
			}
			for _, e := range p.events {
				if e.Webhook != nil && strings.Contains(toJSON(t, e.Webhook.Headers), "s3cret") {
					t.Errorf("the plugin saw the credential: %v", e.Webhook.Headers)
				}
			}
		})
	}
}

// TestTheWindowOfASignedTime: what is signed with its time is taken within five minutes of it, whatever form that has; a time
// of another unit is far from now.
func TestTheWindowOfASignedTime(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where the time of a bubble begins
	unix := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	milli := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).UnixMilli(), 10) }
	const edge, beyond = 5 * time.Minute, 5*time.Minute + time.Second
	for stamp, want := range map[string]int{
		unix(0): 200, unix(-edge): 200, unix(edge): 200, unix(-beyond): 401, unix(beyond): 401,
		milli(0): 200, milli(-edge): 200, milli(edge): 200, milli(-edge - time.Millisecond): 401, milli(edge + time.Millisecond): 401,
		unix(0) + ".5": 200, unix(-beyond) + ".5": 401, unix(beyond) + ".": 401,
		now.Add(edge).Format(time.RFC3339): 200, now.Add(beyond).Format(time.RFC3339): 401,
		now.Add(-edge).Format(http.TimeFormat): 200, now.Add(-beyond).Format(http.TimeFormat): 401, now.Add(-beyond).Format(time.ANSIC): 401,
		strconv.FormatInt(now.UnixMicro(), 10): 401, strconv.FormatInt(now.UnixNano(), 10): 401,
		"0": 401, "-1": 401, "15768": 401, "99999999999999999999": 401, "-99999999999999999999": 401,
		"":        401,
		"nonce-1": 200, "1f.5": 200, "1.2.3": 200, // no times: they have no window
	} {
		inBubble(stamp, t, func(t *testing.T) {
			p := listener(func(string) error { return nil })
			p.facts.Webhook = &wit.WebhookFacts{Auth: wit.WebhookAuthHMACSHA256, Header: ptr("X-Sig, X-Time"), Credential: ptr("hook")}
			w := newWorld(t, p)
			w.secrets["hook"] = "s3cret"
			s, _ := w.run()
			synctest.Wait()
			mac := hmac.New(sha256.New, []byte("s3cret"))
			mac.Write([]byte(stamp + "body"))
			headers := []string{"X-Sig", hex.EncodeToString(mac.Sum(nil)), "X-Time", stamp}
			if stamp == "" {
				headers = headers[:2]
			}
			if got := post(s, "/plugins/chat/main/in", "body", headers...); got != want {
				t.Errorf("signed at %q: %d, want %d", stamp, got, want)
			}
			if headers[1] = strings.Repeat("00", sha256.Size); post(s, "/plugins/chat/main/in", "body", headers...) != 401 {
				t.Errorf("signed at %q: a wrong signature is taken", stamp)
			}
		})
	}
}

// TestACallWithoutATimeMayComeAgain: no window can be kept, and equal calls may be two events; so it is handed over again, and
// what is a message is known by its id.
func TestACallWithoutATimeMayComeAgain(t *testing.T) {
	inBubble("signed over its body alone", t, func(t *testing.T) {
		p := listener(func(string) error { return nil })
		p.facts.Webhook = &wit.WebhookFacts{Auth: wit.WebhookAuthHMACSHA256, Header: ptr("X-Sig"), Credential: ptr("hook")}
		w := newWorld(t, p)
		w.secrets["hook"] = "s3cret"
		s, _ := w.run()
		synctest.Wait()
		mac := hmac.New(sha256.New, []byte("s3cret"))
		mac.Write([]byte("m1"))
		handed := 0
		for range 2 {
			if got := post(s, "/plugins/chat/main/in", "m1", "X-Sig", hex.EncodeToString(mac.Sum(nil))); got != 200 {
				t.Errorf("status %d", got)
			}
			time.Sleep(time.Hour)
		}
		for _, e := range p.events {
			if e.Webhook != nil {
				handed++
			}
		}
		if turns := w.turns(); handed != 2 || len(turns) != 1 {
			t.Errorf("handed over %d times, turns %v", handed, turns)
		}
	})
}

func TestWebhookBoundsAndReply(t *testing.T) {
	inBubble("bounds", t, func(t *testing.T) {
		p := listener(func(string) error { return nil })
		p.facts.Webhook = &wit.WebhookFacts{Auth: wit.WebhookAuthNone, MaxBody: 10}
		handle := p.event
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			a, err := handle(e)
			if e.Webhook != nil {
				a.Reply = &wit.WebhookReply{Status: 202, Text: ptr("<b>ok</b>"), Headers: []wit.Header{{Name: "Set-Cookie", Value: "a=b"}, {Name: "X-A", Value: "1"}}}
			}
			return a, err
		}
		w := newWorld(t, p)
		s, _ := w.run()
		synctest.Wait()
		for path, want := range map[string]int{"/plugins/none/main/x": 404, "/plugins/chat/other/x": 404, "/plugins/chat": 404, "/plugins/chat/": 404} {
			if got := post(s, path, "x"); got != want {
				t.Errorf("%s: %d, want %d", path, got, want)
			}
		}
		if got := serve(s, http.MethodGet, "/plugins/chat/main/x", ""); got.Code != 405 || got.Header().Get("Allow") != "POST, OPTIONS" {
			t.Errorf("GET: %d %v", got.Code, got.Header())
		}
		if got := post(s, "/plugins/chat/main/x", strings.Repeat("x", 11)); got != 413 {
			t.Errorf("a long body: %d", got)
		}
		got := serve(s, http.MethodPost, "/plugins/chat/main/deep/path?q=1", "m1")
		if got.Code != 202 || got.Body.String() != "<b>ok</b>" || got.Header().Get("Set-Cookie") != "" || got.Header().Get("X-A") != "1" ||
			!strings.Contains(got.Header().Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("reply %d %q %v", got.Code, got.Body, got.Header())
		}
		last := p.events[len(p.events)-1].Webhook
		if last.Path != "/deep/path" || last.Query != "q=1" || last.Method != "POST" {
			t.Errorf("event %+v", last)
		}
		if len(w.turns()) != 1 {
			t.Errorf("turns %v", w.turns())
		}
	})
}

func TestAWebhookDoesNotComeTooEarly(t *testing.T) {
	inBubble("before the accounts are known", t, func(t *testing.T) {
		w := newWorld(t, listener(func(string) error { return nil }))
		s, _ := w.run()
		if got := post(s, "/plugins/chat/main/in", "x"); got != 200 || len(w.turns()) != 1 {
			t.Errorf("status %d, turns %v", got, w.turns())
		}
	})
}
