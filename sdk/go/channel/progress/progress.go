// Package progress remembers which parts of a message a channel has sent, for a second attempt at it: on a platform that cannot tell
// a repeated send from a new one, only the rest is sent then. It needs the permission kv.
package progress

import (
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// Progress is how far a message has come. It belongs to one call.
type Progress struct {
	// Sent is what the platform calls each part that was sent, in order. Read it; Add adds to it.
	Sent []string

	host *sdk.Host
	key  string // in the plugin's storage; "" when nothing is remembered
}

// keep is longer than a send is repeated: after a day the gateway gives a message up.
const keep = 24 * time.Hour

// Load returns what an earlier attempt with the same idempotency key has sent of a message of so many parts. If that cannot be
// read, all is sent again: twice is better than never. Of a message of one part nothing is remembered.
func Load(host *sdk.Host, idempotencyKey string, parts int) *Progress {
	p := &Progress{host: host}
	if parts < 2 || idempotencyKey == "" {
		return p
	}
	p.key = "sent/" + idempotencyKey
	value, ok, err := host.KVGet(p.key)
	if err != nil || !ok {
		return p
	}
	if v, err := json.ParseText(value); err == nil {
		for id := range v.Items() {
			if len(p.Sent) < parts {
				p.Sent = append(p.Sent, id.Text())
			}
		}
	}
	return p
}

// Add notes that the next part was sent, before the one after it is.
func (p *Progress) Add(id string) {
	p.Sent = append(p.Sent, id)
	if p.key == "" {
		return
	}
	list := json.Array{}
	for _, id := range p.Sent {
		list = list.Add(json.Text(id))
	}
	if err := p.host.KVPut(p.key, string(list.JSON()), keep); err != nil {
		p.host.Warn("what was sent of a message cannot be remembered: " + err.Error())
	}
}
