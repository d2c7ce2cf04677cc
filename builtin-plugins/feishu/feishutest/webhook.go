package feishutest

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Webhook sets the address that is called, as the developer console does: it is asked first whether it is meant ("Configure
// event request URL"). Nil is the usual client. A program that was started again may have another one.
func (s *Server) Webhook(ctx context.Context, address string, client *http.Client) error {
	challenge := rand.Text()
	asked, _ := json.Marshal(map[string]string{"challenge": challenge, "token": s.cfg.VerificationToken, "type": "url_verification"})
	status, answer := web.Call(ctx, client, address, s.seal(asked), func(http.Header) {})
	var said struct{ Challenge string }
	if err := json.Unmarshal(answer, &said); err != nil || status != http.StatusOK || said.Challenge != challenge {
		return fmt.Errorf("the request URL could not be verified: %d %+v %v", status, said, err)
	}
	s.To(func(events [][]byte) bool { return s.call(client, address, events[0]) })
	return nil
}

// Direct has events handed to a function instead, in plain text, again until it answers true.
func (s *Server) Direct(take func(body string) bool) {
	s.To(func(events [][]byte) bool { return take(string(events[0])) })
}

// Replies are what calls were answered with.
func (s *Server) Replies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.replies...)
}

// Event is the body of a call in plain text ("Event structure").
func (s *Server) Event(id, kind string, event map[string]any) []byte {
	body, _ := json.Marshal(map[string]any{ // texts and numbers
		"schema": "2.0", "event": event,
		"header": map[string]any{"event_id": id, "event_type": kind, "create_time": now(), "token": s.cfg.VerificationToken, "app_id": s.cfg.AppID, "tenant_key": "t"},
	})
	return body
}

// post queues an event for the webhook. The lock is held.
func (s *Server) post(kind string, event map[string]any) { s.Tell(s.Event(s.eventID(), kind, event)) }

// call makes one call, encrypted and signed, and reports whether it was taken.
func (s *Server) call(client *http.Client, address string, body []byte) bool {
	sealed := s.seal(body)
	status, said := web.Call(s.Life, client, address, sealed, func(h http.Header) { s.Sign(h, sealed) })
	if status != 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.replies = append(s.replies, string(said))
	}
	return status == http.StatusOK
}

// Sign sets the headers of a call with a body ("Event security verification").
func (s *Server) Sign(h http.Header, body []byte) {
	stamp, nonce := strconv.FormatInt(time.Now().Unix(), 10), rand.Text()
	sum := sha256.Sum256([]byte(stamp + nonce + s.cfg.EncryptKey + string(body)))
	h.Set("X-Lark-Request-Timestamp", stamp)
	h.Set("X-Lark-Request-Nonce", nonce)
	h.Set("X-Lark-Signature", hex.EncodeToString(sum[:]))
}

// seal encrypts a body ("Event decryption").
func (s *Server) seal(body []byte) []byte {
	key := sha256.Sum256([]byte(s.cfg.EncryptKey))
	block, _ := aes.NewCipher(key[:]) // 32 bytes
	pad := aes.BlockSize - len(body)%aes.BlockSize
	out := make([]byte, aes.BlockSize, 2*aes.BlockSize+len(body))
	_, _ = rand.Read(out) // it never fails
	out = append(append(out, body...), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], out[aes.BlockSize:])
	sealed, _ := json.Marshal(map[string]string{"encrypt": base64.StdEncoding.EncodeToString(out)})
	return sealed
}
