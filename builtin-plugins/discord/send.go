package discord

import (
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/channel/progress"
	"github.com/carapace-gateway/carapace/wit"
)

// Send delivers a text, attachments, or both. A repeated send goes on where the first one failed; each message has a nonce
// by which Discord, for some minutes, answers a repeated one with the first. Of a message in which nothing can be seen
// nothing is sent, which is no error.
func (Discord) Send(host *sdk.Host, send *wit.ChannelSend) (*wit.Sent, error) {
	c, err := newChat(host, send.Config, send.State, send.To)
	if err != nil {
		return nil, err
	}
	parts := partsOf(send)
	if len(parts) == 0 {
		return &wit.Sent{}, nil
	}
	if r := c.enter(); !r.ok {
		return nil, r.err()
	}
	parts[0].replyTo = c.answered(send.ReplyTo)
	parts[len(parts)-1].actions = send.Actions
	sent := progress.Load(host, send.IdempotencyKey, len(parts))
	for i := len(sent.Sent); i < len(parts); i++ {
		parts[i].nonce, parts[i].silent = nonce(send.IdempotencyKey, i), send.Silent
		ids, r := c.post(parts[i])
		if err := r.err(); err != nil {
			return nil, err
		}
		sent.Add(ids)
		if r.resetAfter > 0 && i+1 < len(parts) {
			return nil, &wit.Error{Code: wit.CodeRateLimited, Message: "Discord takes the rest of the message in a moment", Retryable: true, RetryAfter: &r.resetAfter}
		}
	}
	return &wit.Sent{IDs: strings.Fields(strings.Join(sent.Sent, " "))}, nil
}

// answered is the message that one answers, "" for what is no message of this channel.
func (c *chat) answered(id *string) string {
	if id == nil {
		return ""
	}
	channel, message := splitID(*id)
	if !isID(message) || channel != "" && channel != c.channel {
		return ""
	}
	return message
}

// nonce names a part of a message (Create Message, nonce: 25 characters at most).
func nonce(idempotencyKey string, part int) string {
	if idempotencyKey == "" {
		return ""
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(idempotencyKey))
	return strconv.FormatUint(h.Sum64(), 36) + "-" + strconv.Itoa(part)
}

// post sends a part, in one message of Discord's where it can, and returns the ids of what was sent, with spaces between. What
// is refused is tried another way: without formatting, not as an answer, outside of a thread that was closed, without the files.
func (c *chat) post(p part) (ids string, r result) {
	r = c.try(p)
	if r.code == errorForm && r.hasFieldError("content") && p.plain != "" {
		c.host.Warn("discord: a text is sent without formatting: " + r.words())
		p.text, p.plain = p.plain, ""
		r = c.try(p)
	}
	if r.lostReply() && p.replyTo != "" {
		p.replyTo = ""
		r = c.try(p)
	}
	if c.leaves(r) {
		p.replyTo = ""
		r = c.try(p)
	}
	if len(p.files) > 0 && r.refusesFiles() {
		return c.postApart(p, r)
	}
	return messageID(c.channel, r.Value.Get("id").Text()), r
}

// forClosedThread stands before what was meant for a thread that takes nothing any more. It fits between the length that the
// manifest declares and Discord's.
const forClosedThread = "[for a closed thread]\n"

// try sends a part as it is.
func (c *chat) try(p part) result {
	if c.left && p.text != "" {
		p.text = forClosedThread + p.text
	}
	body := p.json(c.settings)
	path := "/channels/" + c.channel + "/messages"
	if len(p.files) == 0 {
		return c.call("POST", path, body)
	}
	request := c.settings.request("send", "POST", path, nil)
	request.Timeout = transferTimeout
	request.Parts = append(request.Parts, wit.HTTPPart{Name: "payload_json", Text: new(string(body)), ContentType: new("application/json")})
	for i := range p.files {
		f := &p.files[i]
		request.Parts = append(request.Parts, wit.HTTPPart{
			Name: "files[" + strconv.Itoa(i) + "]", Media: f.Media, FileName: new(fileName(f)), ContentType: f.Mime,
		})
	}
	return c.do(&request)
}

// refusesFiles reports whether a message was refused, and might be taken without its files, or with each of them alone.
func (r result) refusesFiles() bool {
	if r.Failure != nil {
		return !r.Failure.Code.Transient() && r.Failure.Code != wit.CodeUnauthorized
	}
	return !r.ok && (r.Status == 413 || r.code == errorTooLarge || r.hasFieldError("files") || r.hasFieldError("attachments"))
}

// postApart sends the text of a part, and its files one by one. In place of those that are not taken stands a line that
// says so; a part in which nothing but such a file was fails.
func (c *chat) postApart(p part, refused result) (ids string, r result) {
	list := []part{p}
	if len(p.files) > 1 || p.text == "" {
		list = nil
		for i := range p.files {
			one := part{files: p.files[i : i+1], nonce: extended(p.nonce, i), silent: p.silent}
			if i == 0 {
				one.text, one.replyTo = p.text, p.replyTo
			}
			list = append(list, one)
		}
		list[len(list)-1].actions = p.actions
	}
	var sent []string
	for _, one := range list {
		if len(p.files) > 1 {
			r = c.try(one)
		} else {
			r = refused
		}
		if r.refusesFiles() && isVisible(one.text) {
			one.text, one.files = clipUTF16(one.text, maxContent-2*maxName)+"\n\n["+attachment.Label(&one.files[0])+" could not be sent: "+r.why()+"]", nil
			r = c.try(one)
		} else if r.refusesFiles() && len(list) > 1 {
			one.text, one.files = "["+attachment.Label(&one.files[0])+" could not be sent: "+r.why()+"]", nil
			r = c.try(one)
		}
		if !r.ok {
			return "", r
		}
		sent = append(sent, messageID(c.channel, r.Value.Get("id").Text()))
	}
	return strings.Join(sent, " "), r
}

// why is the reason of a refusal, in a few words.
func (r result) why() string {
	if r.Status == 413 || r.code == errorTooLarge || r.Failure != nil && r.Failure.Code == wit.CodeTooLarge {
		return "it is too large"
	}
	return "it was refused"
}

// extended is a nonce of one of the messages that a part became.
func extended(nonce string, i int) string {
	if nonce == "" {
		return ""
	}
	return nonce + "." + strconv.Itoa(i)
}
