package linetest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Webhook sets the address that is called, as the console does with its button Verify: it is called first with no event. Nil is the
// usual client. A program that was started again may have another one.
func (s *Server) Webhook(ctx context.Context, address string, client *http.Client) error {
	if status := s.call(ctx, client, address, s.body(nil)); status != http.StatusOK {
		return fmt.Errorf("the webhook returned an HTTP status code other than 200: %d", status)
	}
	s.to(func(body []byte) bool { return s.call(s.Life, client, address, body) == http.StatusOK })
	return nil
}

// Direct has events handed to a function instead, again until it answers true.
func (s *Server) Direct(take func(body string) bool) {
	s.to(func(body []byte) bool { return take(string(body)) })
}

// maxEvents bounds what one call has.
const maxEvents = 5

// to says how calls are made. What is told again says so ("Webhook redelivery").
func (s *Server) to(call func(body []byte) bool) {
	s.To(func(events []map[string]any) bool {
		taken := call(s.body(events))
		for _, e := range events {
			e["deliveryContext"] = map[string]any{"isRedelivery": true}
		}
		return taken
	})
}

// body is that of a call ("Request body").
func (s *Server) body(events []map[string]any) []byte {
	if events == nil {
		events = []map[string]any{}
	}
	body, _ := json.Marshal(map[string]any{"destination": s.cfg.Bot, "events": events}) // texts and numbers
	return body
}

// call makes one call, signed, and returns the status.
func (s *Server) call(ctx context.Context, client *http.Client, address string, body []byte) int {
	mac := hmac.New(sha256.New, []byte(s.cfg.ChannelSecret))
	mac.Write(body)
	status, _ := web.Call(ctx, client, address, body, func(h http.Header) {
		h.Set("X-Line-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	})
	return status
}
