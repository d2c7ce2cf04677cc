package mqtt

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// What stands in patterns and templates for a name.
const (
	conversationLevel = "{conversation}"
	senderLevel       = "{sender}"
)

// maxTopic bounds topics, so that they have room in ids.
const maxTopic = 800

// validPattern reports whether a pattern of `topics` is one: levels that are words, wildcards (4.7.1) or placeholders.
func validPattern(pattern string) bool {
	levels := strings.Split(pattern, "/")
	for i, level := range levels {
		switch level {
		case "+":
		case "#":
			if i < len(levels)-1 {
				return false
			}
		case conversationLevel, senderLevel:
			if slices.Contains(levels[i+1:], level) {
				return false
			}
		default:
			if strings.ContainsAny(level, "+#{}\x00") {
				return false
			}
		}
	}
	return pattern != "" && pattern[0] != '$'
}

// filterOf is what the server is asked for.
func filterOf(pattern string) string {
	return strings.NewReplacer(conversationLevel, "+", senderLevel, "+").Replace(pattern)
}

// place is where something was said, by its topic.
type place struct {
	conversation string
	sender       string // "" where the pattern does not say
}

// match reads a topic by a pattern (4.7). Without a place for it, the topic is the conversation. Topics that begin with $ are the
// server's own, and match no pattern.
func match(pattern, topic string) (p place, ok bool) {
	p.conversation = topic
	if strings.HasPrefix(topic, "$") {
		return p, false
	}
	levels := strings.Split(topic, "/")
	for want := range strings.SplitSeq(pattern, "/") {
		if want == "#" {
			return p, true
		}
		if len(levels) == 0 {
			return p, false
		}
		switch level := levels[0]; want {
		case "+":
		case conversationLevel:
			p.conversation = level
		case senderLevel:
			p.sender = level
		default:
			if want != level {
				return p, false
			}
		}
		levels = levels[1:]
	}
	return p, len(levels) == 0
}

// placeOf reads a topic by the first pattern that it matches. group says that several people speak there.
func (s *settings) placeOf(topic string) (p place, group, ok bool) {
	for _, pattern := range s.patterns {
		if p, ok := match(pattern, topic); ok && p.conversation != "" {
			return p, strings.Contains(pattern, senderLevel) || s.json && s.fields.sender != "", true
		}
	}
	return place{}, false, false
}

// reads reports whether what is published on a topic comes to the client.
func (s *settings) reads(topic string) bool {
	return slices.ContainsFunc(s.patterns, func(pattern string) bool {
		_, ok := match(pattern, topic)
		return ok
	})
}

// topicFor is where an answer goes: "" for a name that makes no topic to publish on (4.7.3), or one of the server's own.
func topicFor(template, conversation string) string {
	topic := strings.ReplaceAll(template, conversationLevel, conversation)
	if conversation == "" || topic == "" || len(topic) > maxTopic || topic[0] == '$' || strings.ContainsAny(topic, "+#\x00") || !utf8.ValidString(topic) {
		return ""
	}
	return topic
}
