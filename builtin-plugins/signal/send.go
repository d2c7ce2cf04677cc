package signal

import (
	"cmp"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Send delivers a text, attachments, or both, as one message of Signal's (send). What cannot be a file of it is said in words. Of a
// message in which nothing can be seen nothing is sent, which is no error.
func (Signal) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := openChat(host, send.Config, send.State, send.To)
	if err != nil {
		return nil, err
	}
	text := shown(send.Text, send.Formatted)
	files := filesOf(send.Attachments)
	for _, line := range files.words {
		text.text = strings.TrimSpace(text.text + "\n" + line)
	}
	if strings.TrimSpace(text.text) == "" && len(files.media) == 0 {
		return &wit.Sent{}, nil
	}
	if send.ReplyTo != nil {
		c.replyTo = *send.ReplyTo
	}
	r := c.send(text, files)
	if r.refused() && c.replyTo != "" {
		host.Warn("signal: a reply was refused and is sent as no reply: " + r.text)
		c.replyTo = ""
		r = c.send(text, files)
	}
	if r.refused() && len(text.styles) > 0 {
		host.Warn("signal: a text is sent without formatting: " + r.text)
		r = c.send(styled{text: text.text}, files)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	if kind, who, _ := r.reason(); kind != "" && kind != "SUCCESS" {
		host.Warn("signal: a message to a group did not reach " + who + ": " + kind)
	}
	return &wit.Sent{IDs: []string{c.sentID(r)}}, nil
}

// shown is the text of a message with its styles.
func shown(text string, formatted *string) styled {
	if formatted == nil {
		return styled{text: text}
	}
	return style(*formatted)
}

// chat makes the requests of one operation on a conversation.
type chat struct {
	host     *sdk.Host
	settings settings
	state    state
	to       wit.Conversation
	replyTo  string // the message that is answered, "" for none
}

// openChat reads what an operation is given. The error is invalid.
func openChat(host *sdk.Host, config, state wit.JSON, to wit.Conversation) (*chat, error) {
	settings, err := readSettings(config)
	if err != nil {
		return nil, err
	}
	known, err := readState(state)
	if err != nil {
		return nil, err
	}
	if to.ID == "" {
		return nil, wit.NewError(wit.CodeInvalid, "the message has nobody to go to")
	}
	return &chat{host: host, settings: settings, state: known, to: to}, nil
}

// params begins the parameters of a request: the account, and where it goes.
func (c *chat) params() json.Object {
	o := c.settings.params()
	switch {
	case c.to.Kind == wit.ConversationKindGroup:
		return o.Text("groupId", c.to.ID)
	case c.to.ID == c.settings.account:
		return o.Bool("noteToSelf", true)
	}
	return o.Raw("recipient", json.Array{}.Add(json.Text(c.to.ID)).JSON())
}

// call makes a request.
func (c *chat) call(request *wit.HTTPRequest) result {
	return decode(reply.Response(c.host.HTTP(request)))
}

// timed is a result that has the time of what was sent; without one, the answer is not signal-cli's.
func timed(r result) result {
	if r.ok() && !isTime(r.Value.Get("timestamp").Text()) {
		r.Failure = wit.NewError(wit.CodeUnavailable, "the answer is not signal-cli's: it has no timestamp; is url right?")
		r.Failure.Retryable = true
	}
	return r
}

// send sends a message. Its files stand before its text, in which somebody may have written what looks like one.
func (c *chat) send(text styled, f files) result {
	params := c.params()
	if len(f.media) > 0 {
		params = params.Raw("attachment", f.list.JSON())
		if f.voice {
			params = params.Bool("voiceNote", true)
		}
	}
	r := c.settings.rpc("send", "send", text.add(c.quoting(params)))
	r.Timeout = sendTimeout
	if len(f.media) > 0 {
		r.Embed, r.Timeout = f.media, transferTimeout
	}
	return timed(c.call(r))
}

// sentID is the id of a message that was sent.
func (c *chat) sentID(r result) string {
	return messageID(cmp.Or(c.state.me, c.settings.account), r.Value.Get("timestamp").Text())
}

// quoting adds the parameters of an answer to a message; what is no message's id is answered by no reply.
func (c *chat) quoting(params json.Object) json.Object {
	author, time, ok := split(c.replyTo)
	if !ok {
		return params
	}
	return params.Raw("quoteTimestamp", wit.JSON(time)).Text("quoteAuthor", author)
}

// split takes a message's id apart.
func split(id string) (author, time string, ok bool) {
	i := strings.LastIndexByte(id, ':')
	if i <= 0 {
		return "", "", false
	}
	author, time = id[:i], id[i+1:]
	return author, time, isTime(time)
}

// isTime reports whether s is a time as messages have it, in milliseconds. Such a string may stand in JSON as it is.
func isTime(s string) bool {
	return s != "" && len(s) < 18 && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}

// files are the attachments of a message: those of the media store as the data URIs that signal-cli takes, of which the kernel fills in the
// bytes, and what is said of the rest.
type files struct {
	media []string
	list  json.Array
	voice bool
	words []string
}

// maxFiles is how many files the kernel puts into one request.
const maxFiles = wit.HTTPRequestEmbedMax

func filesOf(attachments []wit.Attachment) files {
	var f files
	for i := range attachments {
		a := &attachments[i]
		if a.Media == nil || *a.Media == "" || len(f.media) == maxFiles {
			f.words = append(f.words, described(a))
			continue
		}
		mime := "application/octet-stream"
		if a.Mime != nil && *a.Mime != "" {
			mime = *a.Mime
		}
		uri := "data:" + uriSafe(mime)
		if a.Name != nil {
			uri += ";filename=" + uriSafe(*a.Name)
		}
		f.media = append(f.media, *a.Media)
		f.list = f.list.Add(json.Text(uri + ";base64,{{media:" + *a.Media + "}}"))
		f.voice = f.voice || a.Kind == wit.AttachmentKindVoice
		if a.Caption != nil && *a.Caption != "" {
			f.words = append(f.words, *a.Caption)
		}
	}
	return f
}

// described is an attachment in words: a place or a contact, a file on the web, or one that cannot be sent.
func described(a *wit.Attachment) string {
	label := string(a.Kind)
	if a.Name != nil && *a.Name != "" {
		label = *a.Name
	}
	switch {
	case a.Kind == wit.AttachmentKindLocation && a.Caption != nil:
		return "📍 " + label + ": " + *a.Caption
	case a.Caption != nil:
		return label + ": " + *a.Caption
	case a.Fetch != nil && !strings.Contains(a.Fetch.URL, "{{") && len(a.Fetch.Headers) == 0:
		return a.Fetch.URL
	}
	return "[" + label + " could not be sent]"
}

// uriSafe leaves out what would end a part of a data URI, or look like a file that is to be filled in.
func uriSafe(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(";,{}", r) || r < ' ' {
			return '_'
		}
		return r
	}, s)
}
