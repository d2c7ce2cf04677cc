package whatsapptest

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Webhook sets the address that is called, as the app's dashboard does: it is asked first whether it is meant (Webhooks,
// "Verification requests"). Nil is the usual client. A program that was started again may have another one.
func (s *Server) Webhook(ctx context.Context, address string, client *http.Client) error {
	if client == nil {
		client = http.DefaultClient
	}
	challenge := rand.Text()
	query := url.Values{"hub.mode": {"subscribe"}, "hub.verify_token": {s.cfg.VerifyToken}, "hub.challenge": {challenge}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1024))
	if err != nil || res.StatusCode != http.StatusOK || string(body) != challenge {
		return fmt.Errorf("the callback URL couldn't be validated: %d %q %v", res.StatusCode, body, err)
	}
	s.To(func(changes []map[string]any) bool { return s.call(client, address, s.body(changes)) })
	return nil
}

// post queues a change for the webhook. The lock is held.
func (s *Server) post(value map[string]any) {
	value["messaging_product"] = "whatsapp"
	value["metadata"] = map[string]any{"display_phone_number": s.cfg.Number, "phone_number_id": s.cfg.PhoneNumberID}
	s.Tell(value)
}

// maxChanges bounds what one call has.
const maxChanges = 20

// body is that of one call: an entry of the account, with each change.
func (s *Server) body(values []map[string]any) []byte {
	changes := []any{}
	for _, v := range values {
		changes = append(changes, map[string]any{"field": "messages", "value": v})
	}
	body, _ := json.Marshal(map[string]any{ // maps, texts and numbers
		"object": "whatsapp_business_account", "entry": []any{map[string]any{"id": "102290129340398", "changes": changes}},
	})
	return body
}

// call makes one call, signed, and reports whether it was taken.
func (s *Server) call(client *http.Client, address string, body []byte) bool {
	status, _ := web.Call(s.Life, client, address, body, func(h http.Header) { h.Set("X-Hub-Signature-256", "sha256="+s.sign(body)) })
	return status == http.StatusOK
}

// sign is the signature of a body (Webhooks, "Validating payloads").
func (s *Server) sign(body []byte) string {
	mac := hmac.New(sha256.New, []byte(s.cfg.AppSecret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// later does something after a while, with the lock held.
func (s *Server) later(d time.Duration, do func()) {
	s.Go(func() {
		if s.Pause(d) {
			s.mu.Lock()
			defer s.mu.Unlock()
			do()
		}
	})
}
