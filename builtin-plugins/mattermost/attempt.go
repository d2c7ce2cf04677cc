package mattermost

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/once"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// begin returns how far earlier attempts at a send have come.
func begin(host *sdk.Host, send *wit.ChannelSend) *once.Message {
	return once.Begin(host, send.Account+" "+send.To.ID+" "+texts.Of(send.To.Thread), send.IdempotencyKey, 0)
}

// Bounds of the search for a post that may have arrived.
const (
	searchPages = 5
	searchLimit = "200"
)

// arrived looks whether a post with a key is in the channel, and returns its id, "" for none. Where that cannot be looked up for good
// it is taken to be none. The error is one that passes.
func (c *chat) arrived(key string) (id string, err error) {
	if key == "" {
		return "", nil
	}
	for page := range searchPages {
		r := c.call("GET", "/channels/"+c.channel+"/posts?page="+strconv.Itoa(page)+"&per_page="+searchLimit, nil)
		if err := r.err(); err != nil {
			if r.Large || r.Failure == nil && !wit.AsError(err).Retryable {
				c.host.Warn("mattermost: whether a message has arrived cannot be looked up: " + err.Error())
				return "", nil
			}
			return "", err
		}
		for id, p := range r.Value.Get("posts").Fields() {
			if p.Get("props", keyProp).Text() == key && p.Get("user_id").Text() == c.state.me.id {
				return id, nil
			}
		}
		if r.Value.Get("prev_post_id").Text() == "" {
			break
		}
	}
	return "", nil
}
