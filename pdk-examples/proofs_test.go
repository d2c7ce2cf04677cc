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
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// publicURL is where senders believe the gateway to be.
const publicURL = "https://gateway.example.org"

// routes are the addresses of go-proofs.
var routes = []string{"header", "field", "form", "ed25519", "sha512", "two-keys", "sealed", "jwt"}

// timed reports whether the proof of a route has a time, by which the gateway knows a call that came before.
func timed(route string) bool { return route == "ed25519" || route == "two-keys" || route == "sealed" }

// sender is who calls go-proofs by all of its routes, with what it proves itself by. As an http.Handler it is the issuer of its
// tokens.
type sender struct {
	secret, encryptKey, signingKey string
	key                            ed25519.PrivateKey
}

func newSender(t *testing.T) *sender {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &sender{secret: rand.Text(), encryptKey: rand.Text(), signingKey: rand.Text(), key: key}
}

func (s *sender) public() []byte { return s.key.Public().(ed25519.PublicKey) }

// ServeHTTP gives out the public keys.
func (s *sender) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
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
	case "sha512":
		mac := hmac.New(sha512.New, []byte(s.secret))
		mac.Write([]byte(p.body))
		p.headers["X-Signature-512"] = hex.EncodeToString(mac.Sum(nil))
	case "two-keys": // the new one is not known here yet
		var signatures []string
		for _, key := range []string{rand.Text(), s.signingKey} {
			mac := hmac.New(sha256.New, []byte(key))
			mac.Write([]byte("msg_1." + stamp + "." + p.body))
			signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		}
		p.headers["Webhook-Id"], p.headers["Webhook-Timestamp"], p.headers["Webhook-Signature"] = "msg_1", stamp, strings.Join(signatures, " ")
	case "sealed":
		p.body = s.sealed(p.body)
		sum := sha256.Sum256([]byte(stamp + "n0nce" + s.encryptKey + p.body))
		p.headers["X-Timestamp"], p.headers["X-Nonce"], p.headers["X-Signature"] = stamp, "n0nce", hex.EncodeToString(sum[:])
	case "jwt":
		p.body = written(map[string]any{"text": text, "room": map[string]string{"id": "r1"}})
		claims := map[string]any{"iss": "issuer", "aud": "me", "exp": at.Add(5 * time.Minute).Unix(), "room": "r1"}
		p.headers["Authorization"] = "Bearer " + s.token(claims)
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

// request is the call of a gateway at an address.
func (p posting) request(gateway string) *http.Request {
	r, _ := http.NewRequest(http.MethodPost, gateway+"/plugins/go-proofs/"+p.route, strings.NewReader(p.body)) // of a good address
	for name, value := range p.headers {
		r.Header.Set(name, value)
	}
	return r
}

// answers makes a call of a gateway of this process, which has to answer something.
func (p posting) answers(t *testing.T, k *kerneltest.Kernel, want string) {
	t.Helper()
	if got, err := exchanged(k.HTTP(), p.request("http://127.0.0.1")); err != nil || got != want {
		t.Errorf("%s %.200s: %q, %v, want %q", p.route, p.body, got, err, want)
	}
}

// exchanged makes a request, and returns status and text of the answer.
func exchanged(client *http.Client, r *http.Request) (string, error) {
	res, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return strings.TrimSpace(fmt.Sprint(res.StatusCode, " ", string(text))), err
}

// answered makes a request meanwhile. What comes is the answer, empty where there is none.
func answered(client *http.Client, r *http.Request) <-chan string {
	answer := make(chan string, 1)
	go func() {
		got, _ := exchanged(client, r)
		answer <- got
	}()
	return answer
}

// proofsConfig has the issuer of tokens at an address.
func proofsConfig(issuer string) string {
	return fmt.Sprintf(`{"secrets":{"keyring":false},"gateway":{"publicUrl":%q},
		"plugins":{"go-proofs":{"config":{"keys":%q,"issuer":"issuer","audience":"me"}}}}`, publicURL, issuer+"/keys")
}

// trust enters what the sender proves itself by.
func trust(l *kerneltest.Listener, s *sender) {
	l.MustCall("plugins.configure", map[string]any{"id": "go-proofs", "secrets": map[string]string{
		"secret": s.secret, "signingSecret": "whsec_" + base64.StdEncoding.EncodeToString([]byte(s.signingKey)), "encryptKey": s.encryptKey, "publicKey": hex.EncodeToString(s.public()), "verifyToken": "verify-me"}}, nil)
}

// told waits until a client has been told of a text, and returns all that it has been told.
func told(l *kerneltest.Listener, text string) []string {
	var texts []string
	l.Until("a client is told "+text, func(events []kerneltest.Event) bool {
		texts = nil
		for _, e := range events {
			if e.Name == "plugins.event" {
				texts = append(texts, string(e.Payload))
			}
		}
		return len(texts) > 0 && strings.Contains(texts[len(texts)-1], text)
	})
	return texts
}

// TestProofs: whoever proves itself by a route's recipe is heard, once. Whoever does not, or has read along what another one has
// sent, is not, and the plugin is not asked.
func TestProofs(t *testing.T) {
	t.Parallel()
	friend, stranger, now := newSender(t), newSender(t), time.Now()
	k := start(t, []string{"go-proofs"}, kerneltest.Config(t, proofsConfig(serve(t, friend))))
	l := k.Listen()
	for _, route := range routes {
		if route != "jwt" {
			friend.says(route, "too early", now).answers(t, k, "403 Forbidden")
		}
	}
	trust(l, friend)
	const refused = "401 Unauthorized"
	for _, route := range routes {
		k.Listen() // a login, after which the gateway counts what fails anew
		posting{route, `{"text":"unproven","room":{"id":"r1"}}`, nil}.answers(t, k, refused)
		stranger.says(route, "let me in", now).answers(t, k, refused)
		if timed(route) || route == "jwt" { // the proof ends
			friend.says(route, "long ago", now.Add(-10*time.Minute)).answers(t, k, refused)
		}
		if route != "header" && route != "field" { // it is one of what is said
			altered := friend.says(route, "something else", now)
			other := strings.NewReplacer("ann", "bob", "else", "more", "r1", "r2", `"encrypt":"`, `"encrypt":"A`)
			altered.body = other.Replace(altered.body)
			altered.answers(t, k, refused)
		}
		hello := friend.says(route, "hello", now)
		hello.answers(t, k, "202 told")
		again := "200 known" // by the plugin
		if timed(route) {
			again = "200" // by the gateway, since the call has a time
		}
		hello.answers(t, k, again)
		friend.says(route, "hello", now.Add(time.Second)).answers(t, k, "200 known")
	}
	friend.says("header", "goodbye", now).answers(t, k, "202 told")
	list := told(l, "goodbye")
	if len(list) != len(routes)+1 {
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
	k := start(t, []string{"go-proofs"}, kerneltest.Config(t, proofsConfig("http://127.0.0.1:9")))
	l := k.Listen()
	trust(l, friend)
	for token, want := range map[string]string{"verify-me": "200 3eZb", "guessed": "403 Forbidden\n"} {
		query := "hub.mode=subscribe&hub.verify_token=" + token + "&hub.challenge=3eZb"
		res, text := k.Exchange("GET", "/plugins/go-proofs/header?"+query, nil, "Authorization", "")
		if got := fmt.Sprint(res.StatusCode, " ", text); got != want {
			t.Errorf("asked with the token %s: %q", token, got)
		}
	}
	for token, want := range map[string]string{"verify-me": `200 {"challenge":"3eZb"}`, "guessed": "401 Unauthorized"} {
		asks := written(map[string]string{"type": "url_verification", "token": token, "challenge": "3eZb"})
		posting{"sealed", friend.sealed(asks), nil}.answers(t, k, want)
	}
	friend.says("header", "hello", time.Now()).answers(t, k, "202 told")
	if list := told(l, "hello"); len(list) != 1 {
		t.Errorf("clients were told %q", list)
	}
}

// flow says one thing after the other until the gateway is gone, and tells of each that it has acknowledged. What was said last
// it returns, whatever became of that.
func (s *sender) flow(t *testing.T, gateway, name string, most int, acknowledged chan<- posting) (last posting) {
	for i := range most {
		last = s.says(routes[i%(len(routes)-1)], fmt.Sprint(name, i), time.Now())
		got, err := exchanged(http.DefaultClient, last.request(gateway))
		if err != nil {
			return last
		}
		if got != "202 told" {
			t.Errorf("%s%d: %s", name, i, got)
		}
		acknowledged <- last
	}
	return last
}

// killInFlows has several flows say things to a gateway, and kills it while they do. It returns what was acknowledged, and what
// each flow said last.
func (s *sender) killInFlows(t *testing.T, v *victim) (known, last []posting) {
	t.Helper()
	acknowledged, lasts := make(chan posting, 80), make(chan posting, 4)
	var flows sync.WaitGroup
	for i := range cap(lasts) {
		flows.Go(func() { lasts <- s.flow(t, v.url, fmt.Sprint("flow ", i, ", call "), 20, acknowledged) })
	}
	for range 20 {
		known = append(known, <-acknowledged)
	}
	v.kill()
	flows.Wait()
	close(acknowledged)
	close(lasts)
	for p := range acknowledged {
		known = append(known, p)
	}
	for p := range lasts {
		last = append(last, p)
	}
	return known, last
}

// TestProofsKilled: the gateway is killed while it takes calls and while it checks a proof. What it has acknowledged it knows
// afterwards; what it has not it takes when it comes again, once.
func TestProofsKilled(t *testing.T) {
	t.Parallel()
	friend, dir := newSender(t), t.TempDir()
	issuer := hold(friend, "/keys")
	config := proofsConfig(serve(t, issuer))
	drop(t, filepath.Join(dir, "plugins", "go-proofs"), "go-proofs")
	boot := func() (*kerneltest.Kernel, *kerneltest.Listener) {
		k := kerneltest.Start(t, kerneltest.Config(t, config), kerneltest.StateDir(dir), kerneltest.Compiled(t))
		return k, k.Listen()
	}
	k, l := boot()
	trust(l, friend)
	k.Stop()

	v := startVictim(t, dir, "go-proofs", config)
	unchecked := friend.says("jwt", "hello", time.Now())
	answer := answered(http.DefaultClient, unchecked.request(v.url))
	issuer.waits(t, answer)
	known, last := friend.killInFlows(t, v)
	close(issuer.goOn)
	if got := <-answer; got != "" {
		t.Errorf("before its proof was checked, a call was answered with %s", got)
	}

	k, l = boot()
	for _, p := range known {
		want := "200 known" // by the plugin
		if timed(p.route) {
			want = "200" // by the gateway
		}
		p.answers(t, k, want)
	}
	unchecked.answers(t, k, "202 told")
	unchecked.answers(t, k, "200 known")
	more := 1
	for _, p := range last {
		if got, err := exchanged(k.HTTP(), p.request("http://127.0.0.1")); got == "202 told" {
			more++
		} else if !strings.HasPrefix(got, "200") {
			t.Errorf("what was said last: %q, %v", got, err)
		}
	}
	friend.says("field", "the end", time.Now()).answers(t, k, "202 told")
	if list := told(l, "the end"); len(list) != more+1 {
		t.Errorf("clients were told %q, and not of %d things", list, more)
	}
}
