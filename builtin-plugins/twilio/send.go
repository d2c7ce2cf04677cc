package twilio

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/progress"
	"github.com/carapace-gateway/carapace/wit"
)

// How long the status of a message is waited for, in milliseconds: of one that Twilio has taken, and of one whose
// answer was lost. That is not long, since the next attempt finds it in the list.
const (
	waitTaken = 10_000
	waitLost  = 3_000
)

// Send sends a text, files, or both, as one message. Twilio fetches files, those of the media store by a link; one that it cannot
// fetch is named in the text.
// Of a message in which nothing can be seen nothing is sent, which is no error.
func (Twilio) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := openChat(host, send)
	if err != nil {
		return nil, err
	}
	parts := c.partsOf(send)
	if len(parts) == 0 {
		return &wit.Sent{}, nil
	}
	done := progress.Load(host, send.IdempotencyKey, len(parts))
	for i := len(done.Sent); i < len(parts); i++ {
		mark := markOf(send.IdempotencyKey, i)
		id, r := c.once(mark, parts[i])
		if r.Lost() && i == len(parts)-1 && c.state.statuses && c.settings.webhook != "" {
			return &wit.Sent{IDs: done.Sent, Awaits: &wit.Awaited{Token: mark, Within: waitLost}}, nil
		}
		if err := r.err(); err != nil {
			return nil, err
		}
		done.Add(id)
	}
	out := &wit.Sent{IDs: done.Sent}
	if c.to != send.To.ID {
		out.Moved = &wit.Conversation{Kind: wit.ConversationKindDirect, ID: c.to, Name: send.To.Name}
	}
	if c.state.statuses && c.settings.webhook != "" {
		out.Awaits = &wit.Awaited{Token: markOf(send.IdempotencyKey, len(parts)-1), Within: waitTaken, Taken: true}
	}
	return out, nil
}

// chat makes the requests of one send.
type chat struct {
	host     *sdk.Host
	settings settings
	state    state
	to       string
}

// openChat reads what a send is given. The error is invalid.
func openChat(host *sdk.Host, send *wit.ChannelSend) (*chat, error) {
	settings, err := readSettings(send.Config)
	if err != nil {
		return nil, err
	}
	known, err := readState(send.State)
	if err != nil {
		return nil, err
	}
	if settings.account == "" || settings.from == "" {
		return nil, wit.NewError(wit.CodeInvalid, "accountSid and from are not set: both stand in Twilio's console")
	}
	if send.To.ID == "" {
		return nil, wit.NewError(wit.CodeInvalid, "the message has nobody to go to")
	}
	return &chat{host: host, settings: settings, state: known, to: number(send.To.ID)}, nil
}

// part is what becomes one message: a text with files, which Twilio fetches.
type part struct {
	text  string
	files []string
}

// partsOf makes a message, and a second one of a text that is too long for one that has files: what these are called, and
// what is written to them, stands in it.
func (c *chat) partsOf(send *wit.ChannelSend) []part {
	p, more := part{text: strings.TrimSpace(send.Text)}, ""
	for i := range send.Attachments {
		a := &send.Attachments[i]
		url, words := c.file(a, maxFiles-len(p.files))
		if url != "" {
			p.files = append(p.files, url)
		}
		more = joined(more, words)
	}
	text := joined(p.text, more)
	if length(text) <= maxText {
		p.text = text
		return p.visible()
	}
	rest := part{text: cut(more, maxText)}
	return append(p.visible(), rest.visible()...)
}

// visible is a part in which something can be seen, or nothing.
func (p part) visible() []part {
	if p.text == "" && len(p.files) == 0 {
		return nil
	}
	return []part{p}
}
