package examples_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// publicURL is where senders believe the gateway to be.
const publicURL = "https://gateway.example.org"

// routes are the addresses of go-proofs.
var routes = []string{"header", "field", "form", "ed25519", "sealed", "jwt"}

// sender is who calls go-proofs by all of its routes, with what it proves itself by. As an http.Handler it is the issuer of its tokens.
type sender struct {
	secret, encryptKey string
	key                ed25519.PrivateKey
	onKeys             func() // is told when its public keys are asked for, where it is set
}

func newSender(t *testing.T) *sender {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &sender{secret: rand.Text(), encryptKey: rand.Text(), key: key}
}

func (s *sender) public() []byte { return s.key.Public().(ed25519.PublicKey) }

// ServeHTTP gives out the public keys.
func (s *sender) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if s.onKeys != nil {
		s.onKeys()
	}
	fmt.Fprintf(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":%q}]}`, base64.RawURLEncoding.EncodeToString(s.public()))
}

// posting is a call of a route.
type posting struct {
	route, body string
	headers     map[string]string
}

// says is the call by which the sender says a text at a time.
func (s *sender) says(route, text string, at time.Time) posting {
	p := posting{route, written(map[string]any{"text": text}), map[string]string{}}
	stamp := fmt.Sprint(at.Unix())
	switch route {
	case "header":
		p.headers["X-Secret"] = s.secret
	case "field":
		p.body = written(map[string]any{"text": text, "token": s.secret})
	case "form":
		p.body = url.Values{"text": {text}, "from": {"ann"}}.Encode()
		p.headers["Content-Type"] = "application/x-www-form-urlencoded"
		mac := hmac.New(sha1.New, []byte(s.secret))
		mac.Write([]byte(publicURL + "/plugins/go-proofs/form" + "from" + "ann" + "text" + text))
		p.headers["X-Signature"] = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	case "ed25519":
		p.headers["X-Signature-Timestamp"] = stamp
		p.headers["X-Signature-Ed25519"] = hex.EncodeToString(ed25519.Sign(s.key, []byte(stamp+p.body)))
	case "sealed":
		p.body = s.sealed(p.body)
		sum := sha256.Sum256([]byte(stamp + "n0nce" + s.encryptKey + p.body))
		p.headers["X-Timestamp"], p.headers["X-Nonce"], p.headers["X-Signature"] = stamp, "n0nce", hex.EncodeToString(sum[:])
	case "jwt":
		p.body = written(map[string]any{"text": text, "room": map[string]string{"id": "r1"}})
		p.headers["Authorization"] = "Bearer " + s.token(map[string]any{"iss": "issuer", "aud": "me", "exp": at.Add(5 * time.Minute).Unix(), "room": "r1"})
	}
	return p
}

func written(v any) string {
	text, _ := json.Marshal(v) // texts only
	return string(text)
}

// token is a JSON Web Token with these claims.
func (s *sender) token(claims map[string]any) string {
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(`{"alg":"EdDSA","kid":"1"}`)) + "." + b64([]byte(written(claims)))
	return text + "." + b64(ed25519.Sign(s.key, []byte(text)))
}

// sealed is a body that is encrypted, with an initialization vector of its own each time.
func (s *sender) sealed(body string) string {
	key := sha256.Sum256([]byte(s.encryptKey))
	block, _ := aes.NewCipher(key[:]) // of 32 bytes
	padding := aes.BlockSize - len(body)%aes.BlockSize
	plain := append([]byte(body), bytes.Repeat([]byte{byte(padding)}, padding)...)
	sealed := make([]byte, aes.BlockSize+len(plain))
	_, _ = rand.Read(sealed[:aes.BlockSize]) // never fails
	cipher.NewCBCEncrypter(block, sealed[:aes.BlockSize]).CryptBlocks(sealed[aes.BlockSize:], plain)
	return written(map[string]string{"encrypt": base64.StdEncoding.EncodeToString(sealed)})
}

// post makes a call of the gateway at an address, and returns status and text of the answer.
func (p posting) post(client *http.Client, gateway string) (string, error) {
	r, err := http.NewRequest(http.MethodPost, gateway+"/plugins/go-proofs/"+p.route, strings.NewReader(p.body))
	if err != nil {
		return "", err
	}
	for name, value := range p.headers {
		r.Header.Set(name, value)
	}
	res, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return strings.TrimSpace(fmt.Sprint(res.StatusCode, " ", string(text))), err
}

// answered makes a call of a gateway of this process, which has to answer something.
func (p posting) answered(t *testing.T, k *kerneltest.Kernel, want string) {
	t.Helper()
	if got, err := p.post(k.HTTP(), "http://127.0.0.1"); err != nil || got != want {
		t.Errorf("%s %.200s: %q, %v, want %q", p.route, p.body, got, err, want)
	}
}

// proofsConfig has the issuer of tokens.
func proofsConfig(keys string) string {
	return fmt.Sprintf(`{"secrets":{"keyring":false},"gateway":{"publicUrl":%q},"plugins":{"go-proofs":{"config":{"keys":%q,"issuer":"issuer","audience":"me"}}}}`,
		publicURL, keys)
}

// trust enters what the sender proves itself by.
func trust(l *kerneltest.Listener, s *sender) {
	l.MustCall("plugins.configure", map[string]any{"id": "go-proofs", "secrets": map[string]string{
		"secret": s.secret, "encryptKey": s.encryptKey, "publicKey": hex.EncodeToString(s.public()), "verifyToken": "verify-me"}}, nil)
}

// told waits until a client has been told so much, and returns it.
func told(l *kerneltest.Listener, n int) []string {
	var texts []string
	l.Until(fmt.Sprintf("%d things are told", n), func(events []kerneltest.Event) bool {
		texts = nil
		for _, e := range events {
			if e.Name == "plugins.event" {
				texts = append(texts, string(e.Payload))
			}
		}
		return len(texts) >= n
	})
	return texts
}

// TestProofs: whoever proves itself by a route's recipe is heard, once. Whoever does not, or has read along what another one has sent,
// is not, and the plugin is not asked.
func TestProofs(t *testing.T) {
	t.Parallel()
	friend, stranger, now := newSender(t), newSender(t), time.Now()
	k := start(t, []string{"go-proofs"}, kerneltest.Config(t, proofsConfig(serve(t, friend))))
	l := k.Listen()
	for _, route := range routes {
		if route != "jwt" {
			friend.says(route, "too early", now).answered(t, k, "403 Forbidden")
		}
	}
	trust(l, friend)
	const refused = "401 Unauthorized"
	for _, route := range routes {
		posting{route, `{"text":"unproven","room":{"id":"r1"}}`, nil}.answered(t, k, refused)
		stranger.says(route, "let me in", now).answered(t, k, refused)
	}
	for _, route := range []string{"ed25519", "sealed", "jwt"} { // proofs that end
		friend.says(route, "long ago", now.Add(-10*time.Minute)).answered(t, k, refused)
	}
	for _, route := range []string{"form", "ed25519", "sealed", "jwt"} { // proofs of what is said
		altered := friend.says(route, "something else", now)
		altered.body = strings.NewReplacer("ann", "bob", "else", "more", "r1", "r2", `"encrypt":"`, `"encrypt":"A`).Replace(altered.body)
		altered.answered(t, k, refused)
	}
	for _, route := range routes {
		hello := friend.says(route, "hello", now)
		hello.answered(t, k, "202 told")
		again := "200 known" // by the plugin
		if route == "ed25519" || route == "sealed" {
			again = "200" // by the gateway, since the call has a time
		}
		hello.answered(t, k, again)
		friend.says(route, "hello", now.Add(time.Second)).answered(t, k, "200 known")
	}
	friend.says("header", "goodbye", now).answered(t, k, "202 told")
	list := told(l, len(routes)+1)
	if len(list) != len(routes)+1 || !strings.Contains(list[len(routes)], "goodbye") {
		t.Fatalf("a client was told %q", list)
	}
	for i, route := range routes {
		if text := list[i]; !strings.Contains(text, `"route":"`+route+`"`) || !strings.Contains(text, "hello") ||
			strings.Contains(text, friend.secret) || route == "field" && !strings.Contains(text, "[redacted]") {
			t.Errorf("by %s a client was told %s", route, text)
		}
	}
}

// TestProofsChallenges: a sender that asks whether an address is meant is answered by the gateway, if it knows the token.
func TestProofsChallenges(t *testing.T) {
	t.Parallel()
	friend := newSender(t)
	k := start(t, []string{"go-proofs"}, kerneltest.Config(t, proofsConfig("http://127.0.0.1:9/keys")))
	l := k.Listen()
	trust(l, friend)
	for token, want := range map[string]string{"verify-me": "200 3eZb", "guessed": "403 Forbidden\n"} {
		res, text := k.Exchange("GET", "/plugins/go-proofs/header?hub.mode=subscribe&hub.verify_token="+token+"&hub.challenge=3eZb", nil, "Authorization", "")
		if got := fmt.Sprint(res.StatusCode, " ", text); got != want {
			t.Errorf("asked with the token %s: %q", token, got)
		}
	}
	for token, want := range map[string]string{"verify-me": `200 {"challenge":"3eZb"}`, "guessed": "401 Unauthorized"} {
		asks := written(map[string]string{"type": "url_verification", "token": token, "challenge": "3eZb"})
		posting{"sealed", friend.sealed(asks), nil}.answered(t, k, want)
	}
	friend.says("header", "hello", time.Now()).answered(t, k, "202 told")
	if list := told(l, 1); len(list) != 1 || !strings.Contains(list[0], "hello") {
		t.Errorf("clients were told %q", list)
	}
}

// flow says one thing after the other until the gateway is gone, and tells of each that it has acknowledged. What it said last
// it returns, whatever became of that.
func (s *sender) flow(t *testing.T, gateway string, most int, acknowledged chan<- posting) (last posting) {
	defer close(acknowledged)
	for i := range most {
		last = s.says([]string{"ed25519", "header"}[i%2], fmt.Sprint("thing ", i), time.Now())
		got, err := last.post(http.DefaultClient, gateway)
		if err != nil {
			return last
		}
		if got != "202 told" {
			t.Errorf("thing %d: %s", i, got)
		}
		acknowledged <- last
	}
	return last
}

// TestProofsKilled: the gateway is killed while it takes calls and while it checks a proof. What it has acknowledged it knows
// afterwards; what it has not it takes when it comes again, once.
func TestProofsKilled(t *testing.T) {
	t.Parallel()
	friend, dir := newSender(t), t.TempDir()
	checking, killed := make(chan struct{}), make(chan struct{})
	friend.onKeys = func() {
		select {
		case checking <- struct{}{}:
			<-killed
		case <-killed:
		}
	}
	config := proofsConfig(serve(t, friend))
	drop(t, filepath.Join(dir, "plugins", "go-proofs"), "go-proofs")
	boot := func() (*kerneltest.Kernel, *kerneltest.Listener) {
		k := kerneltest.Start(t, kerneltest.Config(t, config), kerneltest.StateDir(dir), kerneltest.Compiled(t))
		return k, k.Listen()
	}
	k, l := boot()
	trust(l, friend)
	k.Stop()

	v := startVictim(t, dir, "go-proofs", config)
	var known []posting
	for _, route := range routes {
		if p := friend.says(route, "hello", time.Now()); route != "jwt" {
			if got, err := p.post(http.DefaultClient, v.url); err != nil || got != "202 told" {
				t.Fatalf("%s: %q, %v", route, got, err)
			}
			known = append(known, p)
		}
	}
	unproven := friend.says("jwt", "hello", time.Now())
	go func() { _, _ = unproven.post(http.DefaultClient, v.url) }() // it has no answer
	<-checking
	acknowledged, last := make(chan posting, 80), make(chan posting, 1)
	go func() { last <- friend.flow(t, v.url, cap(acknowledged), acknowledged) }()
	for range 20 {
		known = append(known, <-acknowledged)
	}
	v.kill()
	for p := range acknowledged {
		known = append(known, p)
	}
	close(killed)

	k, l = boot()
	for _, p := range known {
		want := "200 known"
		if p.headers["X-Timestamp"] != "" || p.headers["X-Signature-Timestamp"] != "" {
			want = "200" // by the gateway
		}
		p.answered(t, k, want)
	}
	unproven.answered(t, k, "202 told")
	unproven.answered(t, k, "200 known")
	more := 1
	if got, err := (<-last).post(k.HTTP(), "http://127.0.0.1"); got == "202 told" {
		more++
	} else if !strings.HasPrefix(got, "200") {
		t.Errorf("what was said last: %q, %v", got, err)
	}
	friend.says("field", "the end", time.Now()).answered(t, k, "202 told")
	if list := told(l, more+1); len(list) != more+1 {
		t.Errorf("clients were told %q", list)
	}
}
