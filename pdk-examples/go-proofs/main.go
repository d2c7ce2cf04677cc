// Command go-proofs is a plugin that eight senders call. How each proves who it is stands in plugin.json; platforms do the same:
//
//	header    a secret in a header (Telegram), and before the first call a GET that the gateway answers (WhatsApp)
//	field     a secret in a field of the body (Mattermost, Zulip)
//	form      an HMAC with SHA-1 over the address and the fields of a form (Twilio)
//	ed25519   a signature whose private key the sender has, over a time and the body (Discord)
//	sha512    an HMAC with SHA-512 over the body (Paystack)
//	two-keys  an HMAC over an id, a time and the body, by each of two keys while the sender changes its key, which is base64
//	          (Standard Webhooks)
//	sealed    a hash over a time, a secret and a body that is encrypted; the gateway answers its challenge too (Feishu)
//	jwt       a token of an issuer whose public keys are at an address, bound to the body (Microsoft Teams, Google Chat)
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/webhook"
	"github.com/carapace-gateway/carapace/wit"
)

const day = 24 * time.Hour

type senders struct{}

// Handle tells the clients what a sender says. The gateway has checked the proof before, has opened what was sealed, and shows
// no secret and no token, so nothing is left to check here.
//
// A call may come twice: only where the proof has a time, as in ed25519, two-keys and sealed, does the gateway know that it came before. So
// what was told is kept for a day. It is kept last: a gateway that ends before that has not answered, and the sender comes again.
func (senders) Handle(host *sdk.Host, call *wit.WebhookCall) (*wit.WebhookReply, error) {
	if call.Request.Text == nil {
		return webhook.Text(400, "this is no text"), nil
	}
	text := *call.Request.Text
	sum := sha256.Sum256([]byte(text))
	key := call.Route + ":" + hex.EncodeToString(sum[:])
	if _, known, err := host.KVGet(key); err != nil {
		return nil, err
	} else if known {
		return webhook.Text(200, "known"), nil
	}
	if err := host.Emit("said", json.Object{}.Text("route", call.Route).Text("text", text).JSON()); err != nil {
		return nil, err
	}
	return webhook.Text(202, "told"), host.KVPut(key, "told", day)
}

func init() { webhook.Register("go-proofs", senders{}) }

func main() {}
