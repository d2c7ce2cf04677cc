package proof_test

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

const public = "https://example.org"

// request is one as the gateway gets it.
func request(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// owner has one secret under every name, and no network.
func owner(secret string) proof.Owner {
	return proof.Owner{
		ID: "chat/main", Setting: func(string) string { return "" },
		Credential: func(context.Context, string) (string, error) {
			if secret == "" {
				return "", errors.New("none")
			}
			return secret, nil
		},
		Fetch: func(context.Context, *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			return nil, errors.New("no network")
		},
	}
}

func checker(at string) *proof.Checker {
	return proof.New(store.OpenMemory(), func() string { return at })
}

// at runs a test at a time: where a bubble begins, moved.
func at(t *testing.T, unix int64, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Unix(unix, 0)))
		test(t)
	})
}

// recipe reads one as a manifest has it, and insists that it makes sense.
func recipe(t *testing.T, text string) *wit.WebhookFacts {
	t.Helper()
	w := &wit.WebhookFacts{}
	if err := wit.UnmarshalStrict([]byte(text), w); err != nil {
		t.Fatal(err)
	}
	if err := w.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, p := range proof.Sense(w, surroundings()) {
		t.Fatalf("%s: %s", p.Field, p.Text)
	}
	return w
}

func surroundings() proof.Surroundings {
	return proof.Surroundings{
		HTTP:     &wit.HTTPPermission{Hosts: []string{"keys.example.org", "*.example.net", "config:keys"}},
		HasField: func(name string) bool { return name == "keys" || name == "app" },
	}
}

// vector is a call that a platform, or a library that it publishes, shows with its proof.
type vector struct {
	name, recipe, secret, public string
	at                           int64 // Unix time; 0 for a recipe without one
	target, body                 string
	headers                      []string
}

func vectors() []vector {
	form := "application/x-www-form-urlencoded"
	return []vector{
		{name: "slack", at: 1531420618, secret: "8f742231b10e8888abcd99yyyzzz85a5",
			recipe: `{"auth":"hmac_sha256","header":"X-Slack-Signature","timestamp":"X-Slack-Request-Timestamp","signed":"v0:{timestamp}:{body}","prefix":"v0=","encoding":"hex","credential":"c"}`,
			body: "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA" +
				"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN" +
				"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
			headers: []string{"X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503", "X-Slack-Request-Timestamp", "1531420618"}},
		{name: "github", secret: "It's a Secret to Everybody", body: "Hello, World!",
			recipe:  `{"auth":"hmac_sha256","header":"X-Hub-Signature-256","prefix":"sha256=","encoding":"hex","credential":"c"}`,
			headers: []string{"X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
		{name: "twilio", secret: "12345", public: "https://mycompany.com", target: "/myapp.php?foo=1&bar=2",
			recipe:  `{"auth":"hmac_sha1","header":"X-Twilio-Signature","signed":"{url}{form}","encoding":"base64","credential":"c"}`,
			body:    url.Values{"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675309"}, "Digits": {"1234"}, "From": {"+14158675309"}, "To": {"+18005551212"}}.Encode(),
			headers: []string{"Content-Type", form + "; charset=utf-8", "X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}},
		{name: "standard webhooks", at: 1614265330, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", body: `{"test": 2432232314}`,
			recipe: `{"auth":"hmac_sha256","header":"webhook-signature","timestamp":"webhook-timestamp","signed":"{header:webhook-id}.{timestamp}.{body}","prefix":"v1,","separator":" ","encoding":"base64","keyEncoding":"base64","credential":"c"}`,
			headers: []string{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp", "1614265330",
				"webhook-signature", "v1,AAAA v2,BBBB v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
	}
}

// mac is what the platforms without a published call of theirs would send, made as they document it.
func mac(secret, text string) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(text))
	return m.Sum(nil)
}

func documented() []vector {
	const now = 1700000000
	public, private, _ := ed25519.GenerateKey(strings.NewReader(strings.Repeat("k", 64)))
	body := `{"events":[],"text":"grüezi"}`
	big := hmac.New(sha512.New, []byte("s3cret"))
	big.Write([]byte("POST /hook?a=1 " + body))
	stripe := func(v1 string) []string {
		return []string{"Stripe-Signature", fmt.Sprintf("t=%d,v1=%s,v1=%x,v0=00", now, v1, mac("whsec_s3cret", fmt.Sprint(now)+"."+body))}
	}
	return []vector{
		{name: "stripe", at: now, secret: "whsec_s3cret", body: body, headers: stripe(strings.Repeat("0", 64)),
			recipe: `{"auth":"hmac_sha256","header":"Stripe-Signature","separator":",","timestamp":"t=","signed":"{timestamp}.{body}","prefix":"v1=","encoding":"hex","credential":"c"}`},
		{name: "discord", at: now, secret: hex.EncodeToString(public), body: body,
			recipe:  `{"auth":"ed25519","header":"X-Signature-Ed25519","timestamp":"X-Signature-Timestamp","signed":"{timestamp}{body}","encoding":"hex","credential":"c"}`,
			headers: []string{"X-Signature-Ed25519", hex.EncodeToString(ed25519.Sign(private, []byte(strconv.Itoa(now)+body))), "X-Signature-Timestamp", strconv.Itoa(now)}},
		{name: "meta", secret: "app-secret", body: body, recipe: `{"auth":"hmac_sha256","header":"X-Hub-Signature-256","prefix":"sha256=","encoding":"hex","credential":"c"}`,
			headers: []string{"X-Hub-Signature-256", "sha256=" + hex.EncodeToString(mac("app-secret", body))}},
		{name: "line", secret: "channel-secret", body: body, recipe: `{"auth":"hmac_sha256","header":"X-Line-Signature","encoding":"base64","credential":"c"}`,
			headers: []string{"X-Line-Signature", base64.StdEncoding.EncodeToString(mac("channel-secret", body))}},
		{name: "zulip", secret: "xvOzfurIutdRRVLzpXrIIHXJvNfaJLJ0", body: `{"data":"hi","message":{"id":112},"token":"xvOzfurIutdRRVLzpXrIIHXJvNfaJLJ0"}`,
			recipe: `{"auth":"field","fields":["token"],"credential":"c"}`, headers: []string{"Content-Type", "application/json"}},
		{name: "mattermost form", secret: "tokentokentoken", body: "text=hi&token=tokentokentoken&user_name=ann",
			recipe: `{"auth":"field","fields":["token"],"credential":"c"}`, headers: []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{name: "feishu", secret: "verification", body: `{"schema":"2.0","header":{"token":"verification"},"event":{}}`,
			recipe: `{"auth":"field","fields":["token","header.token"],"credential":"c"}`},
		{name: "method, path and query", secret: "s3cret", target: "/hook?a=1", body: body,
			recipe:  `{"auth":"hmac_sha512","header":"X-Sig","signed":"{method} {path}?{query} {body}","encoding":"base64url","credential":"c"}`,
			headers: []string{"X-Sig", base64.RawURLEncoding.EncodeToString(big.Sum(nil))}},
		{name: "bearer", secret: "s3cret", body: body, recipe: `{"auth":"bearer","credential":"c"}`, headers: []string{"Authorization", "Bearer s3cret"}},
		{name: "header", secret: "s3cret", body: body, recipe: `{"auth":"header","header":"X-Token","credential":"c"}`, headers: []string{"X-Token", "s3cret"}},
	}
}

// TestPlatforms: each platform's call is taken, and no call that differs from it in anything that is proven.
func TestPlatforms(t *testing.T) {
	for _, v := range append(vectors(), documented()...) {
		t.Run(v.name, func(t *testing.T) {
			w := recipe(t, v.recipe)
			now := v.at
			if now == 0 {
				now = 1700000000
			}
			target := v.target
			if target == "" {
				target = "/plugins/chat/main/in"
			}
			at(t, now, func(t *testing.T) {
				address := v.public
				if address == "" {
					address = public
				}
				check := func(secret, body string, headers []string) *proof.Verdict {
					return checker(address).Check(t.Context(), owner(secret), w, request("POST", target, body, headers...), []byte(body))
				}
				good := check(v.secret, v.body, v.headers)
				if good.Status != 0 || w.Auth != wit.WebhookAuthField && string(good.Body) != v.body {
					t.Fatalf("%+v", good)
				}
				if w.Auth == wit.WebhookAuthField && strings.Contains(string(good.Body), v.secret) {
					t.Errorf("the plugin sees the credential: %s", good.Body)
				}
				if got := check("", v.body, v.headers); got.Status != http.StatusForbidden {
					t.Errorf("without a credential: %+v", got)
				}
				if got := check(v.secret[1:]+"x", v.body, v.headers); got.Status != http.StatusUnauthorized {
					t.Errorf("with another credential: %+v", got)
				}
				if got := check(v.secret, v.body, nil); got.Status != http.StatusUnauthorized && w.Auth != wit.WebhookAuthField {
					t.Errorf("without headers: %+v", got)
				}
				if w.Header == nil || w.Auth == wit.WebhookAuthHeader {
					return
				}
				if got := check(v.secret, strings.Replace(v.body, "e", "f", 1), v.headers); got.Status != http.StatusUnauthorized {
					t.Errorf("with another body: %+v", got)
				}
				if v.at == 0 {
					return
				}
				for _, off := range []time.Duration{5 * time.Minute, time.Second} { // just within, and beyond
					time.Sleep(off)
					if got := check(v.secret, v.body, v.headers); (got.Status != 0) != (off == time.Second) {
						t.Errorf("later by %v: %+v", off, got)
					}
				}
			})
		})
	}
}

// TestWhatIsSignedOver: a call that is signed over its address needs one, and a form that is none has not been signed.
func TestWhatIsSignedOver(t *testing.T) {
	twilio := vectors()[2]
	w := recipe(t, twilio.recipe)
	for name, c := range map[string]struct {
		public, target, body, kind string
		want                       int
	}{
		"right":            {twilio.public, twilio.target, twilio.body, twilio.headers[1], 0},
		"with a slash":     {twilio.public + "/", twilio.target, twilio.body, twilio.headers[1], 0},
		"no address":       {"", twilio.target, twilio.body, twilio.headers[1], 403},
		"another address":  {"http://mycompany.com", twilio.target, twilio.body, twilio.headers[1], 401},
		"another query":    {twilio.public, "/myapp.php?foo=1&bar=3", twilio.body, twilio.headers[1], 401},
		"no form":          {twilio.public, twilio.target, twilio.body, "application/json", 401},
		"a malformed form": {twilio.public, twilio.target, twilio.body + "&%zz", twilio.headers[1], 401},
		"a field more":     {twilio.public, twilio.target, twilio.body + "&Z=1", twilio.headers[1], 401},
		"a field twice":    {twilio.public, twilio.target, twilio.body + "&Digits=1234", twilio.headers[1], 0}, // as the platform's own libraries read it
		"too many fields":  {twilio.public, twilio.target, twilio.body + strings.Repeat("&", 1000), twilio.headers[1], 401},
	} {
		r := request("POST", c.target, c.body, "Content-Type", c.kind, "X-Twilio-Signature", twilio.headers[3])
		if got := checker(c.public).Check(t.Context(), owner(twilio.secret), w, r, []byte(c.body)); got.Status != c.want {
			t.Errorf("%s: %+v, want %d", name, got, c.want)
		}
	}
	// Below a path that the proxy takes off.
	w = recipe(t, `{"auth":"hmac_sha256","header":"X-Sig","signed":"{path}{body}","credential":"c"}`)
	r := request("POST", "/hook", "x", "X-Sig", hex.EncodeToString(mac("s3cret", "/base/hookx")))
	if got := checker("https://example.org/base").Check(t.Context(), owner("s3cret"), w, r, []byte("x")); got.Status != 0 {
		t.Errorf("%+v", got)
	}
}

// TestChallenge: a right token is answered with the text, and nothing else is.
func TestChallenge(t *testing.T) {
	w := recipe(t, `{"auth":"bearer","credential":"c","challenge":{"token":"hub.verify_token","answer":"hub.challenge","credential":"verify"}}`)
	for query, want := range map[string]string{
		"hub.mode=subscribe&hub.verify_token=s3cret&hub.challenge=1158201444":  "200 1158201444",
		"hub.verify_token=other&hub.challenge=1":                               "403 ",
		"hub.challenge=1":                                                      "403 ",
		"hub.verify_token=s3cret&hub.challenge=" + strings.Repeat("1", 257):    "403 ",
		"hub.verify_token=s3cret":                                              "401 ", // an ordinary call
		"hub.verify_token=other&hub.verify_token=s3cret&hub.challenge=1":       "403 ",
		"hub.verify_token=s3cret&hub.challenge=%3Cscript%3E&hub.mode=whatever": "200 <script>",
	} {
		got := checker("").Check(t.Context(), owner("s3cret"), w, request("GET", "/x?"+query, ""), nil)
		if text := fmt.Sprint(got.Status, " ", got.Text); text != want {
			t.Errorf("%.80s: %s, want %s", query, text, want)
		}
	}
	if got := checker("").Check(t.Context(), owner(""), w, request("GET", "/x?hub.challenge=1&hub.verify_token=", ""), nil); got.Status != 403 {
		t.Errorf("without a credential: %+v", got)
	}
}
