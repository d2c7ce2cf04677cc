package zulip

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// readable is a text as people see it. Zulip's markup is Markdown already; mentions, links to channels and times are written
// out ("Mention a user or group", "Link to a message or conversation", "Global times").
func readable(text string) string {
	var b strings.Builder
	for {
		i := strings.IndexAny(text, "@#<")
		if i < 0 {
			b.WriteString(text)
			return strings.TrimSpace(b.String())
		}
		b.WriteString(text[:i])
		shown, rest, ok := written(text[i:])
		if !ok {
			shown, rest = text[i:i+1], text[i+1:]
		}
		b.WriteString(shown)
		text = rest
	}
}

// forms are what is written out: what stands before and behind it, and what is shown before it.
var forms = []struct{ open, close, shown string }{
	{"@**", "**", "@"}, {"@_**", "**", "@"}, {"@*", "*", "@"}, {"@_*", "*", "@"}, {"#**", "**", "#"}, {"<time:", ">", ""},
}

// written is how something is shown that text begins with, and what follows it.
func written(text string) (shown, rest string, ok bool) {
	for _, f := range forms {
		inside, found := strings.CutPrefix(text, f.open)
		if !found {
			continue
		}
		name, rest, closed := strings.Cut(inside, f.close)
		if !closed || name == "" || len(name) > 256 || strings.ContainsAny(name, "\n*") {
			continue
		}
		if f.shown == "@" {
			name = nameIn(name)
		}
		return f.shown + name, rest, true
	}
	return "", "", false
}

// nameIn is the name in a mention, which may have the user's id behind it.
func nameIn(mention string) string {
	if name, _, found := strings.Cut(mention, "|"); found && name != "" {
		return name
	}
	return mention
}

// quoted takes the quotation off that a text begins with, as Zulip's programs write one ("Quote a message"): whom, a link to the
// message, and what it says in a block. It is nil where there is none.
func quoted(text string) (*wit.Quoted, string) {
	inside, found := strings.CutPrefix(text, "@_**")
	who, rest, closed := strings.Cut(inside, "** [")
	_, rest, linked := strings.Cut(rest, "](")
	link, rest, ended := strings.Cut(rest, "):\n")
	id := messageIn(link)
	if !found || !closed || !linked || !ended || id == "" || strings.ContainsAny(who+link, "\n") {
		return nil, text
	}
	fence := rest[:len(rest)-len(strings.TrimLeft(rest, "`"))]
	body, isQuote := strings.CutPrefix(rest[len(fence):], "quote\n")
	said, answer, whole := strings.Cut(body, "\n"+fence)
	if len(fence) < 3 || !isQuote || !whole || strings.TrimSpace(answer) == "" {
		return nil, text
	}
	q := &wit.Quoted{ID: id, Text: account.Optional(texts.Clip(readable(said), maxQuoted))}
	if name, user, hasID := strings.Cut(who, "|"); hasID {
		q.Sender = &wit.Person{ID: texts.Clip(user, 64), Name: account.Optional(name)}
	}
	return q, strings.TrimLeft(answer, "\n")
}

// maxQuoted is how much of a message that is answered is told, in bytes.
const maxQuoted = 1000

// messageIn is the id in a link to a message, "" for any other link.
func messageIn(link string) string {
	_, id, found := strings.Cut(link, "/near/")
	if !found || id == "" || len(id) > 20 || strings.Trim(id, "0123456789") != "" {
		return ""
	}
	return id
}

// wildcards are the words that notify everybody ("Mention everyone").
var wildcards = []string{"all", "everyone", "channel", "stream", "topic"}

// withoutWildcards writes out what would notify everybody: what a model has read must not make it do that.
func withoutWildcards(text string) string {
	if !strings.Contains(text, "@**") {
		return text
	}
	for _, w := range wildcards {
		text = strings.ReplaceAll(text, "@**"+w+"**", "@"+w)
	}
	return text
}
