// Command go-proofs is a plugin that six senders call. How each proves who it is stands in plugin.json, and platforms do the same:
//
//	header    a secret in a header (Telegram), behind a GET that asks whether the address is meant (WhatsApp)
//	field     a secret in the body (Mattermost, Zulip)
//	form      an HMAC over the address and a form, by an algorithm that has had its day (Twilio)
//	ed25519   a signature with a key of which only the public half is here (Discord)
//	sealed    a hash with a secret in it, over a body that is encrypted (Feishu)
//	jwt       a token of an issuer whose keys are at an address, bound to the body (Microsoft Teams, Google Chat)
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

// Handle tells the clients what a sender says. The gateway has checked the proof by then; there is nothing to check here, and
// neither the secrets nor the tokens are to be seen. Only of a proof with a time, as of ed25519 and sealed, the gateway knows
// that it has come before, so what was told is kept for a day. It is kept last: a gateway that ends in the middle has not
// answered, and the sender comes again.
func (senders) Handle(host *sdk.Host, call *wit.WebhookCall) (*wit.WebhookReply, error) {
	if call.Request.Text == nil {
		return webhook.Text(400, "this is no text"), nil
	}
	sum := sha256.Sum256([]byte(*call.Request.Text))
	key := call.Route + ":" + hex.EncodeToString(sum[:])
	if _, known, err := host.KVGet(key); err != nil {
		return nil, err
	} else if known {
		return webhook.Text(200, "known"), nil
	}
	if err := host.Emit("said", json.Object{}.Text("route", call.Route).Text("text", *call.Request.Text).JSON()); err != nil {
		return nil, err
	}
	return webhook.Text(202, "told"), host.KVPut(key, "told", day)
}

func init() { webhook.Register("go-proofs", senders{}) }

func main() {}
