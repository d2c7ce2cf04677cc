package xmpp

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// confirmedWithin is how long the server's word is waited for, in milliseconds.
const confirmedWithin = 60_000

// Send writes a message and waits for the server's word: one message for each file, and then one for the text. A send that the server
// is known to have taken is not written again. Of a message in which nothing can be seen nothing is sent, which is no error.
func (XMPP) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := newChat(host, send.Account, send.Config, send.State, &send.To)
	if err != nil {
		return nil, err
	}
	token := tokenOf(send.IdempotencyKey)
	if c.state.isTaken(token) {
		return &wit.Sent{IDs: []string{token}}, nil
	}
	c.measure(send.Attachments)
	files, text, err := c.files(send, token)
	switch {
	case err != nil:
		return nil, err
	case files == nil && c.wantsSlots(send):
		return c.askForSlots(send, token), nil
	}
	parts := files
	if strings.TrimSpace(text) != "" {
		parts = append(parts, c.text(text, send))
	}
	if len(parts) == 0 {
		return &wit.Sent{}, nil
	}
	var xml strings.Builder
	for i, part := range parts {
		id := token
		if i < len(parts)-1 {
			id += "." + strconv.Itoa(i)
		}
		xml.WriteString(c.message(id, part))
	}
	if !c.group {
		xml.WriteString(c.asksWhether(token))
	}
	return &wit.Sent{Frames: []wit.Frame{frame(xml.String())}, IDs: []string{token}, Awaits: &wit.Awaited{Token: token, Within: confirmedWithin}}, nil
}

// asksWhether is a question behind a message whose answer says that the server has taken it.
func (c *chat) asksWhether(token string) string {
	return tag("iq", ping(), "type", "get", "to", domain(c.state.jid), "id", sentID+token)
}

// chat is a place to write to.
type chat struct {
	host     *sdk.Host
	account  string
	settings settings
	state    state
	to       string
	group    bool
	occupant bool // of a room, who is written to alone
}

// newChat reads what a send brings. Errors: CodeInvalid for what is no address; CodeUnavailable while the bot is not on the
// server, or not in the room yet; CodeForbidden for a room that it cannot join.
func newChat(host *sdk.Host, account string, config, left wit.JSON, to *wit.Conversation) (*chat, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	state, err := readState(left)
	if err != nil {
		return nil, err
	}
	c := &chat{host: host, account: account, settings: settings, state: state, to: strings.TrimPrefix(to.ID, unproven)}
	if !isJID(c.to) {
		return nil, wit.NewError(wit.CodeInvalid, "a message goes to an address such as ann@example.org, and not to "+strconv.Quote(texts.Clip(to.ID, 200)))
	}
	if state.phase != phaseIn {
		return nil, &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "the bot is not on the server now"}
	}
	p := state.place(bare(c.to))
	c.occupant = p != nil && resource(c.to) != ""
	c.group = !c.occupant && (p != nil || to.Kind == wit.ConversationKindGroup)
	switch {
	case c.occupant:
	case !c.group:
		c.to = bare(c.to)
	case p == nil:
		return nil, wit.NewError(wit.CodeForbidden, "the bot is not in the room "+c.to+": put it into `rooms`")
	case !p.in && p.barred:
		return nil, wit.NewError(wit.CodeForbidden, "the bot is not in the room "+c.to+": "+p.why)
	case !p.in:
		return nil, &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "the bot is not in the room " + c.to + " yet"}
	}
	return c, nil
}

// kind is the type of messages there.
func (c *chat) kind() string {
	if c.group {
		return "groupchat"
	}
	return "chat"
}

// message writes one. In a room it has an id that the room hands on, whatever becomes of the other one (XEP-0359).
func (c *chat) message(id, inside string) string {
	if c.group {
		inside += tag("origin-id", "", "xmlns", nsIDs, "id", id)
	} else {
		inside += tag("request", "", "xmlns", nsReceipts)
	}
	if c.occupant {
		inside += tag("x", "", "xmlns", nsMUCUser)
	}
	return tag("message", inside, "type", c.kind(), "to", c.to, "id", id)
}

// text is what is inside of a message with a text. One that has no marks says so, so that none are seen in it (XEP-0393).
func (c *chat) text(text string, send *wit.ChannelSend) string {
	inside := leaf("body", text) + styled(send.Formatted) + tag("active", "", "xmlns", nsChatStates)
	if send.ReplyTo != nil && *send.ReplyTo != "" && !strings.HasPrefix(*send.ReplyTo, madeUp) {
		to := ""
		if !c.group {
			to = c.to
		}
		inside += tag("reply", "", "xmlns", nsReply, "id", *send.ReplyTo, "to", to)
	}
	return inside
}

func styled(formatted *string) string {
	if formatted == nil {
		return tag("unstyled", "", "xmlns", nsUnstyled)
	}
	return ""
}
