package ntfy

import (
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// keep is longer than a send is repeated: after a day the gateway gives a message up.
const keep = 48 * time.Hour

// last is what is remembered of a topic: the part that is being published, "" for none, and the server's id of the last one
// that was.
type last struct{ mark, id string }

// once publishes a part, unless an earlier attempt has, whose answer was lost: then the server has it in its cache.
func (c *chat) once(mark string, p part) error {
	known := c.recall()
	if known.mark == mark {
		id, err := c.find(known.id, mark, p)
		if err != nil {
			return err
		}
		if id != "" {
			c.remember(last{id: id})
			return nil
		}
	} else {
		known.mark = mark
		c.remember(known)
	}
	id, r := c.publish(mark, p)
	if err := r.err(); err != nil {
		if !r.Lost() {
			c.remember(last{id: known.id})
		}
		return err
	}
	c.remember(last{id: id})
	return nil
}

// find looks for a part among what the account has published since a message ("Fetch cached messages", "Filter messages"). A server
// that is older than sequence ids tells it by its text.
func (c *chat) find(since, mark string, p part) (id string, err error) {
	if since == "" {
		since = "all"
	}
	r := c.do(&wit.HTTPRequest{ID: "find", URL: c.settings.server + "/" + c.out + "/json?poll=1&tags=" + ownTag + "&since=" + since})
	if r.Success() && r.Large {
		c.host.Warn("ntfy: there is too much in topic " + c.out + " to look for a message whose answer was lost, and it is published again")
		return "", nil
	}
	if err := r.err(); err != nil {
		return "", err
	}
	for _, m := range kept(r) {
		switch sequence, text := m.Get("sequence_id").Text(), m.Get("message").Text(); {
		case sequence == mark, sequence == "" && c.says(p, text):
			return m.Get("id").Text(), nil
		}
	}
	return "", nil
}

// says reports whether a part has a text.
func (c *chat) says(p part, text string) bool {
	if p.attachment != nil {
		return text == receivedFile(attachment.Label(p.attachment)) && p.plain == "" || text != "" && (text == p.plain || text == p.text)
	}
	return text == p.plain || text == p.text && p.text != ""
}

func (c *chat) recall() last {
	value, ok, err := c.host.KVGet("last/" + c.to.ID)
	if err != nil || !ok {
		return last{}
	}
	v, err := json.ParseText(value)
	if err != nil {
		return last{}
	}
	return last{v.Get("mark").Text(), v.Get("id").Text()}
}

// remember keeps what is known of the topic. If it cannot be kept, a message whose answer is lost is published twice: twice is better than
// never.
func (c *chat) remember(l last) {
	o := json.Sparse{}
	o.AddText("mark", l.mark)
	o.AddText("id", l.id)
	if err := c.host.KVPut("last/"+c.to.ID, string(o.JSON()), keep); err != nil {
		c.host.Warn("ntfy: what is published cannot be remembered: " + err.Error())
	}
}
