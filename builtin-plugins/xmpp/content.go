package xmpp

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// content is what a message says, wherever it was said.
type content struct {
	id     string // of its sender
	text   string
	quoted *wit.Quoted
	reply  string // id of what it replies to
	files  []wit.Attachment

	replaces string // id of a message that it corrects (XEP-0308)
	retracts string // id of one that is taken back (XEP-0424)
	reacts   string // id of one that it reacts to (XEP-0444)
	emojis   []string

	typing           bool
	received, marked string // id of a message of the bot's that has come, or was read
	wants            bool   // a receipt
}

// readContent reads what is inside of a message.
func (t *turn) readContent(n *node) *content {
	c := &content{id: texts.Clip(n.get("id"), maxID), text: n.words("body", nsClient)}
	if origin := n.kid("origin-id", nsIDs).get("id"); c.id == "" && origin != "" {
		c.id = texts.Clip(origin, maxID)
	}
	c.readEncrypted(n)
	c.readReply(n)
	c.readFiles(n, &t.Settings)
	c.replaces = texts.Clip(n.kid("replace", nsCorrect).get("id"), maxID)
	c.retracts = texts.Clip(n.kid("retract", nsRetract).get("id"), maxID)
	if r := n.kid("reactions", nsReactions); r != nil {
		c.reacts = texts.Clip(r.get("id"), maxID)
		for _, k := range r.kids {
			if emoji := strings.TrimSpace(k.text); k.name == "reaction" && emoji != "" && len(emoji) <= 64 && len(c.emojis) < maxEmojis {
				c.emojis = append(c.emojis, emoji)
			}
		}
	}
	c.typing = n.kid("composing", nsChatStates) != nil
	c.received = texts.Clip(n.kid("received", nsReceipts).get("id"), maxID)
	c.marked = texts.Clip(n.kid("displayed", nsMarkers).get("id"), maxID)
	c.wants = n.kid("request", nsReceipts) != nil
	return c
}

const maxEmojis = 10

// readEncrypted says that something cannot be read (XEP-0380), in place of what the sender's program says about that.
func (c *content) readEncrypted(n *node) {
	e := n.kid("encryption", nsEncrypted)
	if e == nil && n.kid("encrypted", "") == nil {
		return
	}
	name := texts.Clip(e.get("name"), 40)
	if name == "" {
		name = "OMEMO"
	}
	c.text = "[a message encrypted with " + name + ", which the bot cannot read: turn encryption off in this chat]"
}

// readReply reads what a message replies to (XEP-0461), and takes the quotation out that stands in the text for programs that know
// nothing of replies (XEP-0428). Positions count characters.
func (c *content) readReply(n *node) {
	r := n.kid("reply", nsReply)
	if r == nil || r.get("id") == "" {
		return
	}
	c.reply = texts.Clip(r.get("id"), maxID)
	c.quoted = &wit.Quoted{ID: c.reply}
	for _, f := range n.kids {
		if f.name != "fallback" || f.space != nsFallback || f.get("for") != nsReply {
			continue
		}
		body := f.kid("body", nsFallback)
		if body == nil || body.get("end") == "" {
			continue
		}
		runes := []rune(c.text)
		start, end := int(min(wholeNumber(body.get("start")), int64(len(runes)))), int(min(wholeNumber(body.get("end")), int64(len(runes))))
		if start >= end {
			continue
		}
		if words := unquoted(string(runes[start:end])); words != "" {
			c.quoted.Text = &words
		}
		c.text = strings.TrimLeft(string(runes[:start])+string(runes[end:]), "\n")
		return
	}
}

// unquoted is what was quoted: the lines behind "> ".
func unquoted(text string) string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if rest, ok := strings.CutPrefix(line, ">"); ok {
			lines = append(lines, strings.TrimPrefix(rest, " "))
		}
	}
	return strings.Join(lines, "\n")
}

// maxFiles bounds those of one message.
const maxFiles = 10

// readFiles finds the files that a message links to (XEP-0066). One that the gateway may fetch is an attachment, and the link is
// no text any more; any other one stays a link.
func (c *content) readFiles(n *node, settings *settings) {
	for _, x := range n.kids {
		url := x.words("url", nsOOB)
		if x.name != "x" || x.space != nsOOB || url == "" || len(url) > 4_000 || len(c.files) == maxFiles {
			continue
		}
		if !settings.reaches(url) {
			if !strings.Contains(c.text, url) {
				c.text = strings.TrimSpace(c.text + "\n" + url)
			}
			continue
		}
		name := nameIn(url)
		a := wit.Attachment{Kind: kindOf(name), Fetch: &wit.HTTPRequest{URL: url}, Name: &name}
		if words := x.words("desc", nsOOB); words != "" {
			a.Caption = &words
		}
		c.files = append(c.files, a)
		if strings.TrimSpace(c.text) == url {
			c.text = ""
		}
	}
}

// nameIn is the name of a file in its address.
func nameIn(url string) string {
	url, _, _ = strings.Cut(url, "?")
	url, _, _ = strings.Cut(url, "#")
	name := texts.Clip(url[strings.LastIndexByte(url, '/')+1:], 200)
	if name == "" {
		return "file"
	}
	return name
}

// kindOf tells by a name what kind of file it is.
func kindOf(name string) wit.AttachmentKind {
	switch extension := strings.ToLower(name[strings.LastIndexByte(name, '.')+1:]); extension {
	case "jpg", "jpeg", "png", "gif", "webp", "heic", "avif":
		return wit.AttachmentKindImage
	case "mp4", "webm", "mov", "mkv":
		return wit.AttachmentKindVideo
	case "mp3", "m4a", "wav", "flac":
		return wit.AttachmentKindAudio
	case "ogg", "oga", "opus":
		return wit.AttachmentKindVoice
	}
	return wit.AttachmentKindDocument
}

// isSaid reports whether there is something for people in it.
func (c *content) isSaid() bool { return strings.TrimSpace(c.text) != "" || len(c.files) > 0 }

// tell tells what a message is: something said, a change of something, or both. base has what is the same for all of it.
func (t *turn) tell(c *content, base wit.Message, target func(id string) (string, bool)) {
	switch {
	case c.retracts != "":
		if of, ok := target(c.retracts); ok {
			base.Kind, base.Text, base.Target, base.Mentioned = wit.MessageKindDeleted, "", &of, false
			t.Message(&base)
		}
		return
	case c.reacts != "":
		if of, ok := target(c.reacts); ok {
			t.tellReactions(c, base, of)
		}
		return
	case !c.isSaid():
		return
	case c.replaces != "":
		of, ok := target(c.replaces)
		if !ok {
			return
		}
		base.Kind, base.Target = wit.MessageKindEdited, &of
	}
	base.Text, base.Attachments, base.ReplyTo = c.text, c.files, c.quoted
	t.Message(&base)
}

// tellReactions tells the emojis that somebody has at a message now; none is told as an empty one.
func (t *turn) tellReactions(c *content, base wit.Message, of string) {
	base.Kind, base.Target, base.Mentioned = wit.MessageKindReaction, &of, false
	if len(c.emojis) == 0 {
		c.emojis = []string{""}
	}
	for i, emoji := range c.emojis {
		m := base
		if m.Text = emoji; i > 0 {
			m.ID += ":" + decimal(int64(i))
		}
		t.Message(&m)
	}
}
