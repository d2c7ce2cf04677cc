package kernel_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAWebhookWithTokens: the issuer's keys come over the network under the plugin's permission, and nobody else's token
// reaches the plugin; the address that is signed over is the owner's.
func TestAWebhookWithTokens(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":%q}]}`, b64(public))
	}))
	t.Cleanup(issuer.Close)
	token := func(key ed25519.PrivateKey, audience string) string {
		claims, _ := json.Marshal(map[string]any{"iss": "issuer", "aud": audience, "exp": time.Now().Add(time.Hour).Unix()})
		text := b64([]byte(`{"alg":"EdDSA","kid":"1"}`)) + "." + b64(claims)
		return text + "." + b64(ed25519.Sign(key, []byte(text)))
	}
	p := kerneltest.NewPlatform(t)
	hooked := kerneltest.Channel("chat", func(m *wit.Manifest) {
		m.Provides.Channel.Webhook = &wit.WebhookFacts{Auth: wit.WebhookAuthJWT, JWT: &wit.TokenFacts{Keys: "config:keys", Issuer: "issuer", Audience: "config:app"}}
		m.Permissions.HTTP.Hosts = []string{"config:root", "config:keys"}
		m.Config = wit.JSON(`{"type":"object","properties":{"root":{"type":"string"},"keys":{"type":"string"},"app":{"type":"string"},"token":{"type":"string","x-secret":true}}}`)
	})
	k := kerneltest.Start(t, kerneltest.Config(t, fmt.Sprintf(`{"channels":{"chat":{"accounts":{"home":{"dmPolicy":"open","config":{"root":%q,"keys":%q,"app":"me"}}}}}}`, p.URL, issuer.URL)),
		kerneltest.Plugin(hooked, kerneltest.Echo("echo")))
	l := k.Listen()
	setToken(l)
	l.Until("the channel is up", func([]kerneltest.Event) bool {
		var status struct{ ChannelAccounts map[string][]any }
		l.MustCall("channels.status", map[string]any{}, &status)
		return len(status.ChannelAccounts["chat"]) > 0
	})
	_, stranger, _ := ed25519.GenerateKey(nil)
	for i, c := range []struct {
		token string
		want  int
	}{{token(private, "me"), 200}, {token(private, "you"), 401}, {token(stranger, "me"), 401}, {"", 401}} {
		message := fmt.Sprintf(`{"id":"w%d","kind":"text","conversation":{"kind":"direct","id":"ann"},"sender":{"id":"ann"},"text":"call %d"}`, i, i)
		res, text := k.Exchange("POST", "/plugins/chat/home/in", strings.NewReader(message), "Authorization", "Bearer "+c.token)
		if res.StatusCode != c.want {
			t.Errorf("call %d: %d %s, want %d", i, res.StatusCode, text, c.want)
		}
	}
	p.Answered("you said: call 0")
	if posts := p.Posts(); len(posts) != 1 {
		t.Errorf("%+v", posts)
	}
}
