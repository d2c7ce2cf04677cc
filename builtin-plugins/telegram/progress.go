package telegram

import (
	"time"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// progress remembers which parts of a message were sent, for a second attempt at it, since Telegram cannot
// tell a repeated send from a new one. A message of one part needs none.
type progress struct {
	host *sdk.Host
	key  string // in the plugin's storage; "" when nothing is remembered
	ids  []string
}

// keepProgress is longer than a send is repeated: after a day the kernel gives a message up.
const keepProgress = 24 * time.Hour

// loadProgress returns what an earlier attempt with the same idempotency key has sent. If that cannot be
// read, all is sent again: twice is better than never.
func loadProgress(host *sdk.Host, idempotencyKey string, parts int) *progress {
	p := &progress{host: host}
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
			if len(p.ids) < parts {
				p.ids = append(p.ids, id.Text())
			}
		}
	}
	return p
}

// add notes that the next part was sent, before the one after it is.
func (p *progress) add(id string) {
	p.ids = append(p.ids, id)
	if p.key == "" {
		return
	}
	list := json.Array{}
	for _, id := range p.ids {
		list = list.Add(json.Text(id))
	}
	if err := p.host.KVPut(p.key, string(list.JSON()), keepProgress); err != nil {
		p.host.Warn("telegram: what was sent cannot be remembered: " + err.Error())
	}
}
