package slack

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Send posts a text, files, or both, the text first: Slack shows files when it is done with them, and not when they are
// sent. A repeated send goes on where the first one failed, and looks first whether what was under way has arrived. Of a
// message in which nothing can be seen nothing is sent, which is no error.
func (Slack) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := newChat(host, send.Account, send.Config, send.State, send.To)
	if err != nil {
		return nil, err
	}
	p := &letter{chat: c, words: newWords(send.Text, send.Formatted), thread: c.threadFor(send), actions: send.Actions}
	files, links := c.filesOf(send.Attachments)
	for _, link := range links {
		p.words = p.words.with(link)
	}
	if !p.words.visible() && len(files) == 0 {
		return &wit.Sent{}, nil
	}
	try, part := c.begin(send), 0
	if p.words.visible() {
		if err := try.Part(part, func() (string, error) { return p.find(try) }, func() (string, bool, error) { return p.deliver(try.key) }); err != nil {
			return nil, err
		}
		part++
	}
	if len(files) > 0 {
		if err := try.Part(part, func() (string, error) { return c.shared(try), nil }, func() (string, bool, error) { return c.share(files, p.thread, try) }); err != nil {
			return nil, err
		}
	}
	return &wit.Sent{IDs: try.IDs}, nil
}

// threadFor is the thread that a message goes to: the conversation's, or, in a channel, that of the message which it
// answers, unless the owner wants answers in the channel itself.
func (c *chat) threadFor(send *wit.ChannelSend) string {
	if t := send.To.Thread; t != nil && isTime(*t) {
		return *t
	}
	if send.ReplyTo == nil || c.settings.inChannel || send.To.Kind != wit.ConversationKindChannel {
		return ""
	}
	if channel, ts := split(*send.ReplyTo); channel == c.channel && isTime(ts) {
		return ts
	}
	return ""
}

// words are a text in two forms: as it is, and in Slack's markup.
type words struct{ plain, marked string }

// newWords takes what the kernel has written in the manifest's dialect. It escapes quotation marks too, which Slack would
// show as they are escaped.
func newWords(text string, formatted *string) words {
	return words{plain: text, marked: strings.ReplaceAll(texts.Of(formatted), "&quot;", `"`)}
}

func (w words) visible() bool { return strings.TrimSpace(w.plain+w.marked) != "" }

// with returns w with one more line.
func (w words) with(line string) words {
	w.plain = joined(w.plain, line)
	if w.marked != "" {
		w.marked = joined(w.marked, escaped.Replace(line))
	}
	return w
}

// escaped writes the three characters that have a meaning in Slack's texts ("Escaping text").
var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// shown is what Slack is to show, and whether there is markup in it.
func (w words) shown() (text string, marked bool) {
	if w.marked != "" {
		return w.marked, true
	}
	return escaped.Replace(w.plain), false
}
