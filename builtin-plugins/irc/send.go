package irc

import (
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/wit"
)

// confirmedWithin is how long the server's word is waited for, in milliseconds. A server that puts the brakes on takes its
// time.
const confirmedWithin = 60_000

// Send writes a message's lines, and waits for the server's word. Of a message in which nothing can be seen nothing is sent,
// which is no error.
func (IRC) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := newChat(host, send.Account, send.Config, send.State, send.To)
	if err != nil {
		return nil, err
	}
	lines := c.lines(send)
	if len(lines) == 0 {
		return &wit.Sent{}, nil
	}
	if len(lines) > maxLines {
		return nil, wit.NewError(wit.CodeTooLarge, "a message of more than "+decimal(maxLines)+" lines is not said at once")
	}
	if err := c.pace(len(lines)); err != nil {
		return nil, err
	}
	var tags []string
	if id := send.ReplyTo; id != nil && c.state.has("message-tags") && !strings.HasPrefix(*id, madeUp) {
		tags = []string{"+draft/reply", *id}
	}
	return c.say("PRIVMSG", lines, send.IdempotencyKey, tags), nil
}

// maxLines bounds those of one send: with the PING they are within the frames of an answer.
const maxLines = wit.SentFramesMax - 1

// chat is a place to write to.
type chat struct {
	host     *sdk.Host
	account  string
	settings settings
	state    state
	to       string
}

// newChat reads what a send brings. Errors: CodeInvalid for what is no name; CodeUnavailable while the bot is not on the server.
func newChat(host *sdk.Host, account string, config, left wit.JSON, to wit.Conversation) (*chat, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	state, err := readState(left)
	if err != nil {
		return nil, err
	}
	name := target(to.ID)
	if name == "" {
		return nil, wit.NewError(wit.CodeInvalid, "a message goes to a nick or to a room such as #home, and not to "+strconv.Quote(to.ID))
	}
	if state.phase != phaseIn {
		return nil, &wit.Error{Code: wit.CodeUnavailable, Retryable: true, Message: "the bot is not on the server now"}
	}
	return &chat{host: host, account: account, settings: settings, state: state, to: name}, nil
}

// say makes the frames of a send. Its label is the same for each attempt.
func (c *chat) say(command string, lines []string, key string, tags []string) *wit.Sent {
	s, token := &wit.Sent{}, c.state.token(c.to, key)
	for i, text := range lines {
		all := tags
		if last := i == len(lines)-1; last && c.state.labels() {
			all = append(slices.Clone(tags), "label", token)
		}
		line := command + " " + c.to
		if command == "PRIVMSG" {
			line += " :" + text
		}
		s.Frames = append(s.Frames, frame(tagged(line, all...)))
	}
	if !c.state.labels() {
		s.Frames = append(s.Frames, frame("PING :"+token))
	}
	s.Awaits = &wit.Awaited{Token: token, Within: confirmedWithin}
	s.IDs = []string{madeUp + token}
	return s
}

// lines are those of a message: of its text, and one for each file, which IRC has no way to send.
func (c *chat) lines(send *wit.ChannelSend) []string {
	text, formatted := send.Text, send.Formatted != nil && !slices.Contains(c.state.bare, c.state.lower(c.to))
	if formatted {
		text = *send.Formatted
	}
	var lines []string
	for part := range strings.SplitSeq(text, "\n") {
		lines = append(lines, split(sayable(part, formatted), c.room())...)
	}
	for i := range send.Attachments {
		lines = append(lines, split(sayable(fileLine(&send.Attachments[i]), false), c.room())...)
	}
	return lines
}

// fileLine says that there is a file.
func fileLine(a *wit.Attachment) string {
	name, caption := "a file", ""
	if a.Name != nil && *a.Name != "" {
		name = *a.Name
	}
	if a.Caption != nil && *a.Caption != "" {
		caption = ": " + *a.Caption
	}
	return "[" + name + " cannot be sent over IRC]" + caption
}

// Typing shows that an answer is being written ("typing"), where the server hands such a thing on and says back what came
// of it.
func (IRC) Typing(host *sdk.Host, typing *wit.ChannelTyping) (*wit.Sent, error) {
	c, err := newChat(host, typing.Account, typing.Config, typing.State, typing.To)
	if err != nil || !c.state.labels() {
		return &wit.Sent{}, err
	}
	return &wit.Sent{Frames: []wit.Frame{frame(tagged("TAGMSG "+c.to, "+typing", "active"))}}, nil
}

// React sets an emoji at a message ("react").
func (IRC) React(host *sdk.Host, reaction *wit.ChannelReaction) (*wit.Sent, error) {
	c, err := newChat(host, reaction.Account, reaction.Config, reaction.State, reaction.To)
	switch {
	case err != nil:
		return nil, err
	case !c.state.has("message-tags") || strings.HasPrefix(reaction.ID, madeUp):
		return nil, wit.NewError(wit.CodeInvalid, "the server has no reactions")
	}
	kind := "+draft/react"
	if reaction.Emoji == "" {
		return nil, wit.NewError(wit.CodeInvalid, "on IRC a reaction cannot be taken back")
	}
	return &wit.Sent{Frames: []wit.Frame{frame(tagged("TAGMSG "+c.to, kind, reaction.Emoji, "+draft/reply", reaction.ID))}}, nil
}
