package discord

import (
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/carapace-gateway/carapace/sdk/go/channel/attachment"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// part is what becomes one message of Discord's: a text, files, or both.
type part struct {
	text    string
	plain   string           // the text without Discord's marks, where it has some
	files   []wit.Attachment // of the media store
	replyTo string           // a message of the same channel, or ""
	actions []wit.ActionRow
	nonce   string // by which Discord knows a repeated attempt
	silent  bool
}

// Limits of a message (Create Message, "Uploading Files").
const (
	maxContent = 2000 // UTF-16 units
	maxFiles   = 10
	maxName    = 200 // bytes of a file's name
)

// partsOf divides a message: the text with the first files, further files, and what did not fit. Files that are only on the
// web, and what was written to a file, are lines of text.
func partsOf(send *wit.ChannelSend) []part {
	var files []wit.Attachment
	var lines []string
	for _, a := range send.Attachments {
		if a.Media != nil && *a.Media != "" {
			files = append(files, a)
		} else if attachment.Public(a.Fetch) {
			lines = append(lines, a.Fetch.URL)
		}
		if a.Caption != nil && isVisible(*a.Caption) {
			lines = append(lines, *a.Caption)
		}
	}
	text, plain, rest := send.Text, "", strings.Join(lines, "\n")
	if send.Formatted != nil {
		text, plain = *send.Formatted, send.Text
	}
	if whole := joined(text, rest); rest != "" && lengthUTF16(whole) <= maxContent {
		if text = whole; plain != "" {
			plain = joined(plain, rest)
		}
		rest = ""
	}
	var parts []part
	for first := true; first && isVisible(text) || len(files) > 0; first = false {
		n := min(len(files), maxFiles)
		p := part{files: files[:n:n]}
		if files = files[n:]; first && isVisible(text) {
			p.text, p.plain = text, plain
		}
		parts = append(parts, p)
	}
	for rest != "" {
		piece := clipUTF16(rest, maxContent)
		if rest = rest[len(piece):]; isVisible(piece) {
			parts = append(parts, part{text: piece})
		}
	}
	return parts
}

// joined is two texts below each other.
func joined(a, b string) string { return strings.Trim(a+"\n"+b, "\n") }

// lengthUTF16 is the length of s as programs count it.
func lengthUTF16(s string) (n int) {
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// clipUTF16 is the beginning of s of at most so many UTF-16 units, and at least one character.
func clipUTF16(s string, most int) string {
	n := 0
	for i, r := range s {
		if n += max(utf16.RuneLen(r), 1); n > most && i > 0 {
			return s[:i]
		}
	}
	return s
}

// isVisible reports whether anything can be seen of a text: Discord refuses to send one of which nothing can.
func isVisible(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		switch r {
		case '\u115f', '\u1160', '\u2800', '\u3164', '\uffa0': // letters and a pattern that are blank
			return false
		}
		return !unicode.IsSpace(r) && !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Mn)
	}) >= 0
}

// flagSilent has a message notify nobody (Message Flags, SUPPRESS_NOTIFICATIONS).
const flagSilent = 1 << 12

// json is the body of a part, without its files.
func (p *part) json(s settings) wit.JSON {
	o := json.Object{}
	if p.text != "" {
		o = o.Text("content", p.text)
	}
	if p.nonce != "" {
		o = o.Text("nonce", p.nonce).Bool("enforce_nonce", true)
	}
	o = o.Raw("allowed_mentions", s.allowedMentions())
	if p.replyTo != "" {
		o = o.Raw("message_reference", json.Object{}.Text("message_id", p.replyTo).Bool("fail_if_not_exists", false).JSON())
	}
	if p.silent {
		o = o.Int("flags", flagSilent)
	}
	if len(p.actions) > 0 {
		o = o.Raw("components", components(p.actions))
	}
	if len(p.files) > 0 {
		o = o.Array("attachments", func(list json.Array) json.Array {
			for i := range p.files {
				list = list.Add(json.Object{}.Int("id", int64(i)).Text("filename", fileName(&p.files[i])).JSON())
			}
			return list
		})
	}
	return o.JSON()
}

// fileName is how Discord calls a file, which decides how it is shown.
func fileName(a *wit.Attachment) string {
	if a.Name != nil && *a.Name != "" {
		return texts.Clip(*a.Name, maxName)
	}
	name := string(a.Kind)
	if a.Mime != nil {
		if _, sub, found := strings.Cut(*a.Mime, "/"); found && isWord(sub) {
			name += "." + sub
		}
	}
	return name
}

// allowedMentions says whom a message notifies (Allowed Mentions Object): whoever it answers, and people whom it names where
// the owner wants that; never everyone, and no roles.
func (s settings) allowedMentions() wit.JSON {
	if s.mentions == mentionsUsers {
		return wit.JSON(`{"parse":["users"],"replied_user":true}`)
	}
	return wit.JSON(`{"parse":[],"replied_user":true}`)
}

// Components (Component Types, Button Styles).
const (
	componentRow    = 1
	componentButton = 2

	buttonPrimary   = 1
	buttonSecondary = 2
	buttonDanger    = 4

	maxRows   = 5
	maxPerRow = 5
)

// components are buttons below a message, five in a row and five rows at most. Where there would be more rows, they are
// filled.
func components(rows []wit.ActionRow) wit.JSON {
	if len(rows) > maxRows {
		rows = filled(rows)
	}
	list := json.Array{}
	for _, row := range rows {
		buttons := json.Array{}
		for _, action := range row.Actions {
			style := int64(buttonSecondary)
			switch action.Style {
			case wit.ActionStylePrimary:
				style = buttonPrimary
			case wit.ActionStyleDanger:
				style = buttonDanger
			}
			buttons = buttons.Add(json.Object{}.Int("type", componentButton).Int("style", style).
				Text("label", action.Label).Text("custom_id", action.Value).JSON())
		}
		list = list.Add(json.Object{}.Int("type", componentRow).Raw("components", buttons.JSON()).JSON())
	}
	return list.JSON()
}

// filled lays actions out in as few rows as there can be.
func filled(rows []wit.ActionRow) (full []wit.ActionRow) {
	for _, row := range rows {
		for _, action := range row.Actions {
			last := len(full) - 1
			if last < 0 || len(full[last].Actions) == maxPerRow {
				full, last = append(full, wit.ActionRow{}), last+1
			}
			full[last].Actions = append(full[last].Actions, action)
		}
	}
	return full
}
