package mattermost

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// mentioned reports whether the bot is addressed: in a direct conversation, by name, in a thread that it began or was addressed in
// before, or by what else notifies it. @channel, @all and @here notify everybody, and address the bot only if the owner wants it.
func (p *post) mentioned(mentions string) bool {
	me := p.a.State.me
	if place, _ := p.a.place(p.channel); place.kind == "D" {
		return true
	}
	text := strings.ToLower(p.v.Get("message").Text())
	if addresses(text, me.name) || p.root != "" && slices.Contains(p.a.State.threads, p.root) {
		return true
	}
	if addresses(text, "channel") || addresses(text, "all") || addresses(text, "here") {
		return p.a.Settings.everybody
	}
	return me.id != "" && strings.Contains(mentions, `"`+me.id+`"`)
}

// addresses reports whether a text in small letters has an @ and a name. A point or a line at its end belongs to the sentence, unless it
// is in the name ("Mentions").
func addresses(text, name string) bool {
	if name == "" {
		return false
	}
	for rest := text; ; {
		before, after, found := strings.Cut(rest, "@")
		if !found {
			return false
		}
		length := 0
		for length < len(after) && isNameByte(after[length]) {
			length++
		}
		word := after[:length]
		if starts := before == "" || !isNameByte(before[len(before)-1]); starts && (word == name || strings.TrimRight(word, ".-_") == name) {
			return true
		}
		rest = after
	}
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_'
}

// thread is the thread that a message belongs to. In a channel one that addresses the bot begins a thread of its own, unless
// the owner wants answers in the channel itself: what is answered there, and asked then, is one conversation.
func (p *post) thread(mentioned bool) (root string) {
	c := p.a.conversation(p.channel, "")
	if root = p.root; c.Kind == wit.ConversationKindDirect || !mentioned {
		return root
	}
	if root == "" && !p.a.Settings.inChannel && c.Kind == wit.ConversationKindChannel {
		root = p.id
	}
	if root != "" {
		p.a.State.joined(root)
	}
	return root
}
