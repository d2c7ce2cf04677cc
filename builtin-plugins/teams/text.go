package teams

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
)

// isVisible reports whether anything can be seen of a text: an empty message is refused.
func isVisible(text string) bool { return strings.TrimSpace(text) != "" }

// html is a text in the channel's dialect as Teams takes it: a line ends with a tag, but in a block of code.
func html(text string) string {
	out := strings.Builder{}
	for text != "" {
		before, block, found := strings.Cut(text, "<pre>")
		out.WriteString(strings.ReplaceAll(before, "\n", "<br>"))
		if !found {
			break
		}
		inner, after, _ := strings.Cut(block, "</pre>")
		out.WriteString("<pre>" + inner + "</pre>")
		text = strings.TrimPrefix(after, "\n")
	}
	return out.String()
}

// said is the text of an activity: the bot's own name is taken out where it is called by it, and others are named without marks
// (Channel and group conversations, "Receive messages with bot mentions").
func said(v json.Value, me string) (text string, called bool) {
	text = v.Get("text").Text()
	for e := range v.Get("entities").Items() {
		mark := e.Get("text").Text()
		if e.Get("type").Text() != "mention" || mark == "" {
			continue
		}
		name := "@" + e.Get("mentioned", "name").Text()
		if e.Get("mentioned", "id").Text() == me {
			called, name = true, ""
		}
		text = strings.Replace(text, mark, name, 1)
	}
	text = strings.NewReplacer("\r\n", "\n", "&nbsp;", " ", "\u00a0", " ").Replace(text)
	return strings.TrimSpace(text), called
}

// quote is the message that a message answers: Teams tells it as HTML beside the text, in which the id and a preview are.
type quote struct{ id, author, text string }

// quoted finds the quote in the HTML of an activity.
func quoted(v json.Value) (q quote) {
	for a := range v.Get("attachments").Items() {
		if a.Get("contentType").Text() != "text/html" {
			continue
		}
		_, block, found := strings.Cut(a.Get("content").Text(), `itemtype="http://schema.skype.com/Reply"`)
		if !found {
			continue
		}
		block, _, _ = strings.Cut(block, "</blockquote>")
		q.id = between(block, `itemid="`, `"`)
		q.author = plain(after(between(block, `itemprop="mri"`, "</strong>"), ">"))
		q.text = plain(after(between(block, `itemprop="preview"`, "</p>"), ">"))
		return q
	}
	return q
}

// between is what stands between two marks, "" where they are not there.
func between(text, begin, end string) string {
	_, rest, _ := strings.Cut(text, begin)
	found, _, ok := strings.Cut(rest, end)
	if !ok {
		return ""
	}
	return found
}

// after is what stands behind a mark.
func after(text, mark string) string {
	_, rest, _ := strings.Cut(text, mark)
	return rest
}

// plain is HTML without its tags.
func plain(text string) string {
	out := strings.Builder{}
	for text != "" {
		before, tag, found := strings.Cut(text, "<")
		out.WriteString(before)
		if !found {
			break
		}
		_, text, _ = strings.Cut(tag, ">")
	}
	return strings.TrimSpace(strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#39;", "'", "&nbsp;", " ", "&amp;", "&").Replace(out.String()))
}
