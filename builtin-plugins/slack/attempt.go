package slack

import (
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/once"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	// keepUploads is longer than a send is repeated: after a day the kernel gives a message up.
	keepUploads = 24 * time.Hour
	// metadataType names the metadata that a message carries ("Message metadata").
	metadataType = "carapace_message"
)

// attempt is a message while its text and its files are sent.
type attempt struct {
	*once.Message
	chat      *chat
	key, slot string // the send's key, and where its uploads are remembered
}

// begin returns how far earlier attempts at a send have come.
func (c *chat) begin(send *wit.ChannelSend) *attempt {
	place := send.Account + "/" + send.To.ID
	if send.To.Thread != nil {
		place += "/" + *send.To.Thread
	}
	return &attempt{once.Begin(c.host, place, send.IdempotencyKey, 0), c, send.IdempotencyKey, "files/" + once.Slot(place, send.IdempotencyKey)}
}

// uploaded remembers files that may be shared next: which message has them, Slack does not say of itself.
func (t *attempt) uploaded(files []string) {
	if t.key == "" {
		return
	}
	if err := t.chat.host.KVPut(t.slot, strings.Join(files, " ")+"\n"+t.key, keepUploads); err != nil {
		t.chat.host.Warn("slack: what was uploaded cannot be remembered: " + err.Error())
	}
}

// uploads are the files that an earlier attempt has uploaded.
func (t *attempt) uploads() []string {
	stored, ok, err := t.chat.host.KVGet(t.slot)
	files, key, _ := strings.Cut(stored, "\n")
	if err != nil || !ok || key != t.key {
		return nil
	}
	return strings.Fields(files)
}

// Bounds of the search for a message that may have arrived.
const (
	searchPages = 5
	searchLimit = "200"
)

// arrived looks whether a message with the attempt's key is in the conversation (conversations.history, conversations.
// replies), and returns its ts, "" for none. Where that cannot be looked up for good it is taken to be none. The error is
// one that passes.
func (t *attempt) arrived(thread string) (ts string, err error) {
	c := t.chat
	if t.key == "" || !c.opened {
		return "", nil
	}
	method := "conversations.history"
	f := form.Of("channel", c.channel, "limit", searchLimit, "include_all_metadata", "true")
	if thread != "" {
		method, f = "conversations.replies", f.With("ts", thread)
	}
	cursor := ""
	for range searchPages {
		r := c.call(method, f.With("cursor", cursor))
		if err := r.err(); err != nil {
			if r.Failure == nil && !wit.AsError(err).Retryable {
				c.host.Warn("slack: whether a message has arrived cannot be looked up: " + err.Error())
				return "", nil
			}
			return "", err
		}
		for m := range r.Value.Get("messages").Items() {
			if m.Get("metadata", "event_type").Text() == metadataType && m.Get("metadata", "event_payload", "key").Text() == t.key {
				return m.Get("ts").Text(), nil
			}
		}
		if cursor = r.Value.Get("response_metadata", "next_cursor").Text(); cursor == "" {
			break
		}
	}
	return "", nil
}
