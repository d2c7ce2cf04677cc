package teams

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/progress"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// part is what becomes one message of Teams: a text, with what can be chosen below it, or a file with its text.
type part struct {
	words      words
	actions    []wit.ActionRow
	attachment *wit.Attachment
}

// Send delivers a text, attachments, or both. The first file has the text where nothing can be chosen at it. A repeated send goes on where the
// first one failed. Of a message in which nothing can be seen nothing is sent, which is no error.
func (Teams) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := openChat(host, send.Config, send.State, send.To)
	if err != nil {
		return nil, err
	}
	if send.ReplyTo != nil {
		_, c.replyTo = activityOf(*send.ReplyTo, send.To)
	}
	parts := partsOf(send)
	sent := progress.Load(host, send.IdempotencyKey, len(parts))
	for i := len(sent.Sent); i < len(parts); i++ {
		if i > 0 {
			c.follow(sent.Sent[i-1])
		}
		id, r := c.sendPart(parts[i])
		if err := r.err(); err != nil {
			return nil, err
		}
		c.remember(id, parts[i])
		sent.Add(id)
	}
	return &wit.Sent{IDs: sent.Sent, Moved: c.moved}, nil
}

// follow has what is sent next follow what was sent: only the first part is the answer, and a thread goes on.
func (c *chat) follow(id string) {
	c.replyTo = ""
	where, _ := activityOf(id, c.to)
	if base, thread := divided(where); thread != "" && base == c.to.ID {
		c.to.Thread = &thread
	}
}

// partsOf divides a message: a part for each attachment, then the text if no file has it.
func partsOf(send *wit.ChannelSend) []part {
	var parts []part
	text := wordsOf(send.Text, send.Formatted)
	for i := range send.Attachments {
		p := part{attachment: &send.Attachments[i]}
		if p.attachment.Caption != nil {
			p.words.plain = *p.attachment.Caption
		}
		if i == 0 && !isVisible(p.words.plain) && len(send.Actions) == 0 {
			p.words, text = text, words{}
		}
		parts = append(parts, p)
	}
	if isVisible(text.plain) {
		parts = append(parts, part{words: text, actions: send.Actions})
	}
	return parts
}

// sendPart sends one part and returns its id.
func (c *chat) sendPart(p part) (id string, r result) {
	if p.attachment != nil {
		return c.sendFile(p)
	}
	return c.inForms(forms(p), func(body json.Object) (string, result) { return c.post(body) })
}

// forms are what a text with actions is sent as, in the order in which they are tried.
func forms(p part) []json.Object {
	var list []json.Object
	add := func(w words, actions []wit.ActionRow) {
		body := w.activity()
		if len(actions) > 0 {
			body = with(body, card(actions))
		}
		list = append(list, body)
	}
	add(p.words, p.actions)
	if p.words.html != "" {
		add(words{plain: p.words.plain}, p.actions)
	}
	if len(p.actions) > 0 {
		add(words{plain: listed(p.words.plain, p.actions)}, nil)
	}
	return list
}

// inForms does something with each form until one is not refused.
func (c *chat) inForms(list []json.Object, do func(body json.Object) (string, result)) (id string, r result) {
	for i, body := range list {
		if id, r = do(body); !r.refused() {
			return id, r
		}
		if i < len(list)-1 {
			c.host.Warn("teams: a message was refused and is sent in another form: " + r.err().Message)
		}
	}
	return id, r
}

// Typing shows for a few seconds that an answer is being written.
func (Teams) Typing(host *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error) {
	c, err := openChat(host, typing.Config, typing.State, typing.To)
	if err != nil {
		return nil, err
	}
	if c.to.Kind == wit.ConversationKindChannel && c.to.Thread == nil || isPerson(c.to.ID) {
		return &wit.Sent{}, nil // there is nowhere to show it
	}
	if r := c.call("POST", "/"+form.Escape(joinedID(c.to))+"/activities", json.Object{}.Text("type", "typing")); !r.Success() && !r.refused() {
		return nil, r.err()
	}
	return &wit.Sent{}, nil
}
