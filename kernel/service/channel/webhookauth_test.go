package channel_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// timed is a recipe with a time, by which a call is taken once.
func timed() *wit.WebhookFacts {
	return &wit.WebhookFacts{Auth: wit.WebhookAuthHMACSHA256, Header: ptr("X-Sig"), Timestamp: ptr("X-Time"), Signed: ptr("{timestamp}:{body}"), Credential: ptr("hook")}
}

func signedNow(s *channel.Service, body string) int {
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte("s3cret"))
	mac.Write([]byte(stamp + ":" + body))
	return post(s, "/plugins/chat/main/in", body, "X-Sig", hex.EncodeToString(mac.Sum(nil)), "X-Time", stamp)
}

func handed(p *fakePlugin) (n int) {
	return strings.Count(p.kinds(), string(wit.EventKindWebhook))
}

// TestASignedCallIsTakenOnce: it does not reach the plugin again once that has taken it, and does where it could not be
// handled, or the plugin said that it cannot now.
func TestASignedCallIsTakenOnce(t *testing.T) {
	inBubble("taken", t, func(t *testing.T) {
		p := listener(func(string) error { return nil })
		p.facts.Webhook = timed()
		w := newWorld(t, p)
		w.secrets["hook"] = "s3cret"
		s, stop := w.run()
		synctest.Wait()
		for range 3 {
			if got := signedNow(s, "m1"); got != 200 {
				t.Errorf("status %d", got)
			}
		}
		stop()
		s, _ = w.run()
		synctest.Wait()
		if got := signedNow(s, "m1"); got != 200 || handed(p) != 1 {
			t.Errorf("after a restart: %d, handed over %d times", got, handed(p))
		}
	})
	inBubble("not now", t, func(t *testing.T) {
		p, busy := listener(func(string) error { return nil }), true
		handle := p.event
		p.event = func(e *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
			if e.Webhook != nil && busy {
				return &wit.ChannelAnswer{Reply: &wit.WebhookReply{Status: 503}}, nil
			}
			return handle(e)
		}
		p.facts.Webhook = timed()
		w := newWorld(t, p)
		w.secrets["hook"] = "s3cret"
		s, _ := w.run()
		synctest.Wait()
		if got := signedNow(s, "m1"); got != 503 {
			t.Errorf("status %d", got)
		}
		busy = false
		if got := signedNow(s, "m1"); got != 200 || len(w.turns()) != 1 {
			t.Errorf("status %d, turns %v", got, w.turns())
		}
	})
	inBubble("while the disk is full", t, func(t *testing.T) {
		p := listener(func(string) error { return nil })
		p.facts.Webhook = timed()
		w := newWorld(t, p)
		w.secrets["hook"] = "s3cret"
		disk := &flaky{Store: w.store}
		w.store = disk
		s, _ := w.run()
		synctest.Wait()
		disk.down.Store(true)
		if got := signedNow(s, "m1"); got != 503 {
			t.Errorf("status %d", got)
		}
		disk.down.Store(false)
		if got := signedNow(s, "m1"); got != 200 || len(w.turns()) != 1 {
			t.Errorf("status %d, turns %v", got, w.turns())
		}
	})
}

// killed is a store that ends with one commit: what comes after it is not written, as when the gateway is killed.
type killed struct {
	store.Store
	after string // the space whose commit is the last
	dead  bool
}

func (k *killed) Update(ctx context.Context, fn func(store.Tx) error) error {
	if k.dead {
		return wit.NewError(wit.CodeUnavailable, "killed")
	}
	wrote := false
	err := k.Store.Update(ctx, func(tx store.Tx) error { return fn(spy{tx, k.after, &wrote}) })
	k.dead = err == nil && wrote
	return err
}

type spy struct {
	store.Tx
	space string
	wrote *bool
}

func (s spy) Put(space, key string, value []byte) error {
	*s.wrote = *s.wrote || space == s.space
	return s.Tx.Put(space, key, value)
}

func (s spy) Insert(space, key string, value []byte) error {
	*s.wrote = *s.wrote || space == s.space
	return s.Tx.Insert(space, key, value)
}

// TestAKillBetweenCommitAndReply: the message is there, the call comes once more and is known by its message's id; after
// that it is known by itself.
func TestAKillBetweenCommitAndReply(t *testing.T) {
	inBubble("killed", t, func(t *testing.T) {
		p := listener(func(string) error { return nil })
		p.facts.Webhook = timed()
		w := newWorld(t, p)
		w.secrets["hook"] = "s3cret"
		disk := &killed{Store: w.store, after: "test.turns"}
		w.store = disk
		s, stop := w.run()
		synctest.Wait()
		_ = signedNow(s, "m1") // whoever calls may hear that it went well, or nothing
		stop()
		if len(w.turns()) != 1 {
			t.Fatalf("turns %v", w.turns())
		}
		w.store = disk.Store
		s, _ = w.run()
		synctest.Wait()
		for range 2 {
			if got := signedNow(s, "m1"); got != 200 {
				t.Errorf("status %d", got)
			}
		}
		if len(w.turns()) != 1 || handed(p) != 2 {
			t.Errorf("handed over %d times, turns %v", handed(p), w.turns())
		}
	})
}

// TestAChallenge is answered by the kernel, though the plugin takes no GET, and nothing in it is run by a browser.
func TestAChallenge(t *testing.T) {
	inBubble("challenge", t, func(t *testing.T) {
		p := listener(func(string) error { return nil })
		p.facts.Webhook = &wit.WebhookFacts{Auth: wit.WebhookAuthHMACSHA256, Header: ptr("X-Sig"), Credential: ptr("hook"),
			Challenge: &wit.WebhookChallenge{Token: "hub.verify_token", Answer: "hub.challenge", Credential: "verify"}}
		w := newWorld(t, p)
		w.secrets["hook"], w.secrets["verify"] = "s3cret", "v3rify"
		s, _ := w.run()
		synctest.Wait()
		for query, want := range map[string]int{
			"?hub.mode=subscribe&hub.verify_token=v3rify&hub.challenge=%3Cb%3E": 200, "?hub.challenge=1&hub.verify_token=s3cret": 403, "?hub.verify_token=v3rify": 405, "": 405,
		} {
			got := serve(s, http.MethodGet, "/plugins/chat/main/in"+query, "")
			if got.Code != want {
				t.Errorf("%s: %d, want %d", query, got.Code, want)
			}
			if got.Code == 200 && (got.Body.String() != "<b>" || !strings.HasPrefix(got.Header().Get("Content-Type"), "text/plain") || got.Header().Get("X-Content-Type-Options") != "nosniff") {
				t.Errorf("%q %v", got.Body, got.Header())
			}
		}
		if handed(p) != 0 {
			t.Errorf("handed over %d times", handed(p))
		}
	})
}

// TestATokenOfAnIssuer: its keys are asked for under the plugin's permission, for this account, by its own settings.
func TestATokenOfAnIssuer(t *testing.T) {
	inBubble("no keys", t, func(t *testing.T) {
		p, asked := listener(func(string) error { return nil }), ""
		p.facts.Webhook = &wit.WebhookFacts{Auth: wit.WebhookAuthJWT, JWT: &wit.TokenFacts{Keys: "config:keys", Issuer: "i", Audience: "config:app"}}
		p.do = func(_ context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			asked = r.Method + " " + r.URL
			return nil, wit.NewError(wit.CodeUnavailable, "away")
		}
		p.texts = map[string]string{"keys": "https://keys.example.org/", "app": "a"}
		w := newWorld(t, p)
		s, _ := w.run()
		synctest.Wait()
		// {"alg":"EdDSA"} {"iss":"i","aud":"a","exp":9999999999}
		const token = "eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJpIiwiYXVkIjoiYSIsImV4cCI6OTk5OTk5OTk5OX0.AA"
		if got := post(s, "/plugins/chat/main/in", "m1", "Authorization", "Bearer "+token); got != 503 || asked != "GET https://keys.example.org/" {
			t.Errorf("status %d after %q", got, asked)
		}
		if handed(p) != 0 {
			t.Error("handed over")
		}
	})
}
