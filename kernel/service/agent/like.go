package agent

import (
	"encoding/json"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// alike reads an event that looks as a provider has said: JSON with a gap for a text. One that may have half a character
// in its text, which only the provider can put together with the other, is not read here.
func alike(like *wit.EventPattern, e *wit.StreamEvent) (d wit.Delta, ok bool) {
	if like == nil || e.Kind != wit.StreamEventKindData || nameOf(e) != like.Name {
		return d, false
	}
	rest, begins := strings.CutPrefix(e.Data, like.Before)
	if like.Between != "" && begins {
		var any string
		any, rest, begins = strings.Cut(rest, like.Between)
		begins = begins && isPlain(any)
	}
	text, ends := strings.CutSuffix(rest, like.After)
	if !begins || !ends || !strings.HasPrefix(text, `"`) || strings.Contains(text, `\u`) {
		return d, false
	}
	d.Kind = like.Kind
	err := json.Unmarshal([]byte(text), &d.Text)
	return d, err == nil && (like.Unless == "" || !strings.Contains(d.Text, like.Unless))
}

// isPlain reports whether a part of an event is a JSON text of printable characters, with nothing escaped.
func isPlain(text string) bool {
	inside, begins := strings.CutPrefix(text, `"`)
	inside, ends := strings.CutSuffix(inside, `"`)
	return begins && ends && !strings.ContainsFunc(inside, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}

// nameOf is the name of an event, empty where it has none.
func nameOf(e *wit.StreamEvent) string {
	if e.Name == nil {
		return ""
	}
	return *e.Name
}
