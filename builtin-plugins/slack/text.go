package slack

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/emoji"
)

// entities are what Slack writes for the three characters that have a meaning in its texts ("Escaping text").
var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// readable makes a text as people read it of one as Slack sends it ("Formatting text for app surfaces"): names for ids,
// links in the kernel's markup, emoji for their names.
func (a *answer) readable(text string) string {
	if !strings.ContainsAny(text, "<&:") {
		return text
	}
	var b strings.Builder
	for text != "" {
		before, rest, found := strings.Cut(text, "<")
		b.WriteString(emoji.Shown(entities.Replace(before)))
		if !found {
			break
		}
		inside, after, closed := strings.Cut(rest, ">")
		if !closed { // no text of Slack's
			b.WriteString("<" + entities.Replace(rest))
			break
		}
		b.WriteString(a.reference(inside))
		text = after
	}
	return b.String()
}

// reference is what stands between < and >, in words: a person, a channel, a group of people, everybody, a date, or a link.
// Behind a | is what is shown.
func (a *answer) reference(inside string) string {
	target, label, _ := strings.Cut(inside, "|")
	label = entities.Replace(label)
	switch {
	case strings.HasPrefix(target, "@"):
		return a.mention("@", target[1:], label)
	case strings.HasPrefix(target, "#"):
		return a.mention("#", target[1:], label)
	case strings.HasPrefix(target, "!"):
		return special(target[1:], label)
	}
	target = entities.Replace(target)
	bare := strings.TrimPrefix(strings.TrimPrefix(target, "mailto:"), "tel:")
	switch {
	case label == "" || label == bare || "http://"+label == target || "https://"+label == target:
		return bare
	case bare != target:
		return label + " (" + bare + ")"
	}
	return "[" + label + "](" + target + ")"
}

// mention is the name of somebody or of a channel.
func (a *answer) mention(sign, id, label string) string {
	if id != "" && id == a.State.me.user && a.State.me.name != "" {
		return sign + a.State.me.name
	}
	if name, _ := a.names.Find(id); name != "" && name != groupName {
		return sign + name
	}
	if label != "" {
		return sign + strings.TrimPrefix(label, sign)
	}
	return sign + id
}

// special is what begins with a !: here, channel and everyone; a group of people; a date, whose label is how it looks.
func special(word, label string) string {
	name, _, _ := strings.Cut(word, "^")
	switch {
	case name == "date":
		return label
	case label != "":
		return "@" + strings.TrimPrefix(label, "@")
	case name == "subteam":
		return "@" + word[len(name):]
	}
	return "@" + name
}
