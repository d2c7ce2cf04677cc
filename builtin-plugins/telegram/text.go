package telegram

import (
	"strings"
	"unicode/utf16"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// text is what was written, with the stretches that Telegram marks in it: links, code, commands, names
// (MessageEntity). The text itself is plain.
type text struct {
	raw      string
	entities json.Value
}

// entity is one stretch, in bytes of the text.
type entity struct {
	kind       string // Telegram's type
	start, end int
	url        string // of a text_link
	language   string // of a pre
	user       string // of a text_mention: the id of a user who has no username
}

// list returns the entities in their order, without any that do not fit the text. Telegram counts in
// UTF-16 code units.
func (t text) list() []entity {
	if !t.entities.Exists() {
		return nil
	}
	at := byteOffsets(t.raw)
	var out []entity
	for v := range t.entities.Items() {
		start, length := v.Get("offset").Int(), v.Get("length").Int()
		if start < 0 || length <= 0 || length > int64(len(at)) || start+length >= int64(len(at)) {
			continue
		}
		if at[start] == at[start+length] {
			continue // half a character
		}
		out = append(out, entity{
			kind: v.Get("type").Text(), start: at[start], end: at[start+length],
			url: v.Get("url").Text(), language: v.Get("language").Text(), user: v.Get("user", "id").Text(),
		})
	}
	return out
}

// byteOffsets maps each UTF-16 offset, including the end, to the byte where it is. Both halves of a character that
// UTF-16 writes as two map to its first byte.
func byteOffsets(s string) []int {
	out := make([]int, 0, len(s)+1)
	for i, r := range s {
		for range max(1, utf16.RuneLen(r)) {
			out = append(out, i)
		}
	}
	return append(out, len(s))
}

// mentions reports whether me is addressed: by @name, by a link to the user, or by a command that is
// not another bot's.
func (t text) mentions(me person) bool {
	for _, e := range t.list() {
		marked := t.raw[e.start:e.end]
		switch e.kind {
		case "mention":
			if me.username != "" && strings.EqualFold(marked[1:], me.username) {
				return true
			}
		case "text_mention":
			if me.id != "" && e.user == me.id {
				return true
			}
		case "bot_command":
			_, bot, named := strings.Cut(marked, "@")
			if e.start == 0 && !named || named && strings.EqualFold(bot, me.username) {
				return true
			}
		}
	}
	return false
}

// markup returns the text in the kernel's neutral markup as far as something would be lost otherwise: links that are not
// visible, and code. Bold and italic are left out, which people see as emphasis and models do not need. A command loses
// the name of the bot that it is for.
func (t text) markup(me person) string {
	var b strings.Builder
	done := 0 // bytes of raw that are written
	for _, e := range t.list() {
		if e.start < done {
			continue // inside what has been written already
		}
		marked := t.raw[e.start:e.end]
		shown := ""
		switch e.kind {
		case "text_link":
			shown = "[" + marked + "](" + e.url + ")"
		case "code":
			shown = "`" + marked + "`"
		case "pre":
			shown = "```" + e.language + "\n" + strings.TrimSuffix(marked, "\n") + "\n```"
		case "bot_command":
			command, bot, named := strings.Cut(marked, "@")
			if !named || !strings.EqualFold(bot, me.username) {
				continue
			}
			shown = command
		default:
			continue
		}
		b.WriteString(t.raw[done:e.start])
		b.WriteString(shown)
		done = e.end
	}
	if done == 0 {
		return t.raw
	}
	b.WriteString(t.raw[done:])
	return b.String()
}
