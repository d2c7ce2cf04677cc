package signal

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// files takes what is attached. The daemon has downloaded it, and gives it by a request (getAttachment, getSticker).
func (p *post) files() {
	for file := range p.raw.Get("attachments").Items() {
		p.file(file)
	}
	if sticker := p.raw.Get("sticker"); sticker.Exists() {
		s := p.answer.Settings
		a := wit.Attachment{Kind: wit.AttachmentKindSticker}
		a.Fetch, a.Excerpt = s.file("getSticker", s.params().Text("packId", sticker.Get("packId").Text()).Int("stickerId", sticker.Get("stickerId").Int()))
		p.message.Attachments = append(p.message.Attachments, a)
	}
	for contact := range p.raw.Get("contacts").Items() {
		p.contact(contact)
	}
}

// file takes one attachment. A sound without a name was recorded in the chat: what says so otherwise the daemon does not tell.
func (p *post) file(v json.Value) {
	kind, name := v.Get("contentType").Text(), v.Get("filename").Text()
	a := wit.Attachment{Kind: kindOf(kind, name), Mime: account.Optional(kind), Name: account.Optional(name), Caption: account.Optional(v.Get("caption").Text())}
	if size := v.Get("size").Int(); size > 0 {
		a.Size = &size
	}
	a.Width, a.Height = attachment.Pixels(v.Get("width")), attachment.Pixels(v.Get("height"))
	if id := v.Get("id").Text(); id != "" {
		s := p.answer.Settings
		params := s.params().Text("id", id)
		if c := p.message.Conversation; c.Kind == wit.ConversationKindGroup {
			params = params.Text("groupId", c.ID)
		} else {
			params = params.Text("recipient", p.from.who)
		}
		a.Fetch, a.Excerpt = s.file("getAttachment", params)
	}
	p.message.Attachments = append(p.message.Attachments, a)
}

// kindOf is what a file of a media type is.
func kindOf(mime, name string) wit.AttachmentKind {
	kind := attachment.Kind(mime)
	if kind == wit.AttachmentKindAudio && name == "" {
		return wit.AttachmentKindVoice
	}
	return kind
}

// contact takes a card: a name, and how somebody is reached.
func (p *post) contact(v json.Value) {
	name := ""
	for _, part := range []string{"given", "middle", "family"} {
		name = strings.TrimSpace(name + " " + v.Get("name", part).Text())
	}
	var how []string
	for _, list := range []string{"phone", "email"} {
		for one := range v.Get(list).Items() {
			how = append(how, one.Get("value").Text())
		}
	}
	p.message.Attachments = append(p.message.Attachments, wit.Attachment{
		Kind: wit.AttachmentKindContact, Name: account.Optional(cmp.Or(name, v.Get("organization").Text())), Caption: account.Optional(strings.Join(how, ", ")),
	})
}

// vote takes what somebody has chosen in a poll. Of the options Signal tells the numbers, and which poll it is.
func (p *post) vote(v json.Value) {
	text, chosen := "[voted in the poll]", []string(nil)
	if options := v.Get("optionIndexes"); options.Exists() {
		for n := range options.Items() {
			chosen = append(chosen, strconv.FormatInt(n.Int()+1, 10))
		}
		text = "[voted in the poll: option " + strings.Join(chosen, " and ") + "]"
		if len(chosen) == 0 {
			text = "[took back the vote in the poll]"
		}
	}
	p.say(wit.MessageKindService, text)
	if author, at := v.Get("authorUuid").Text(), v.Get("targetSentTimestamp").Int(); author != "" && len(author) <= 64 && at > 0 && p.message.ReplyTo == nil {
		p.message.ReplyTo = &wit.Quoted{ID: author + ":" + strconv.FormatInt(at, 10)}
	}
}

// content takes what is neither a text nor a file. A model that is told nothing of it would answer as if nobody had said anything.
func (p *post) content() {
	if poll := p.raw.Get("pollCreate"); poll.Exists() {
		lines := "[poll] " + poll.Get("question").Text()
		for option := range poll.Get("options").Items() {
			lines += "\n- " + option.Text()
		}
		p.line(lines)
	}
	if vote := p.raw.Get("pollVote"); vote.Exists() {
		p.vote(vote)
	}
	if p.raw.Get("pollTerminate").Exists() {
		p.say(wit.MessageKindService, "[the poll has ended]")
	}
	if payment := p.raw.Get("payment"); payment.Exists() {
		p.line(strings.TrimSpace("[payment] " + payment.Get("note").Text()))
	}
	if p.raw.Get("storyContext").Exists() {
		p.line("[an answer to a story]")
	}
	if p.raw.Get("isExpirationUpdate").Bool() {
		text := "[messages do not disappear any more]"
		if n := p.raw.Get("expiresInSeconds").Int(); n > 0 {
			text = "[messages disappear after " + seconds(n) + "]"
		}
		p.say(wit.MessageKindService, text)
	}
	if p.raw.Get("pinMessage").Exists() {
		p.say(wit.MessageKindService, "[a message was pinned]")
	}
	if p.raw.Get("groupInfo", "type").Text() == "UPDATE" {
		p.say(wit.MessageKindService, "[the group was changed]")
	}
}
