package ntfy

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/progress"
	"github.com/carapace-gateway/carapace/wit"
)

// Send publishes a text, attachments, or both. A short text goes along with the first attachment, a longer one follows. A repeated
// send goes on where the first one failed. Of a message in which nothing can be seen nothing is published, which is no error.
func (Ntfy) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := openChat(host, send.Account, send.Config, send.To)
	if err != nil {
		return nil, err
	}
	c.quiet = send.Silent
	parts := c.partsOf(send)
	sent := progress.Load(host, send.IdempotencyKey, len(parts))
	for i := len(sent.Sent); i < len(parts); i++ {
		mark := markOf(send.IdempotencyKey, i)
		if err := c.once(mark, parts[i]); err != nil {
			return nil, err
		}
		sent.Add(mark)
	}
	return &wit.Sent{IDs: sent.Sent}, nil
}

// chat makes the requests of one operation on a topic.
type chat struct {
	host     *sdk.Host
	settings settings
	to       wit.Conversation
	out      string // the topic that answers go to
	quiet    bool
}

// openChat reads what an operation is given. The error is invalid.
func openChat(host *sdk.Host, account string, config wit.JSON, to wit.Conversation) (*chat, error) {
	settings, err := readSettings(host, account, config)
	if err != nil {
		return nil, err
	}
	if !isTopic(to.ID) {
		return nil, wit.NewError(wit.CodeInvalid, "a message goes to a topic, whose name has up to 64 letters, digits, - and _")
	}
	return &chat{host: host, settings: settings, to: to, out: settings.outOf(to.ID)}, nil
}

// part is what becomes one message: a text, with what can be chosen at it, or a file with its text.
type part struct {
	text, plain string // as Markdown, "" where it has no marks; and without marks
	actions     []wit.Action
	attachment  *wit.Attachment
}

// partsOf divides a message: a part for each attachment, then the text if it did not go along with one.
func (c *chat) partsOf(send *wit.ChannelSend) []part {
	var parts []part
	actions := actionsOf(send.Actions)
	p := part{plain: strings.TrimSpace(send.Text), actions: actions}
	if send.Formatted != nil && strings.TrimSpace(*send.Formatted) != p.plain {
		p.text = strings.TrimSpace(*send.Formatted)
	}
	for i := range send.Attachments {
		file := part{attachment: &send.Attachments[i]}
		if caption := file.attachment.Caption; caption != nil {
			file.plain = *caption
		}
		if i == 0 && file.plain == "" && len(actions) == 0 && max(len(p.plain), len(p.text)) <= maxCaption {
			file.text, file.plain, p = p.text, p.plain, part{}
		}
		parts = append(parts, file)
	}
	if len(actions) > 0 && !c.settings.buttons {
		p = part{plain: p.plain + "\n" + inWords(actions)}
	}
	for len(p.plain) > maxText {
		above := part{}
		above.plain, p.plain = split(p.plain, maxText)
		p.text = ""
		parts = append(parts, above)
	}
	if isVisible(p.plain) {
		parts = append(parts, p)
	}
	return parts
}
