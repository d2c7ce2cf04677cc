package ollama

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/thinktag"
	"github.com/carapace-gateway/carapace/wit"
)

// Most lines of a stream are the same but for a word and the time, and to see that costs a fifth of reading one. So a line that
// says a text is a pattern for those which arrived with it, and, with less than that, the gateway reads those that follow.

// saying is what a line says, if that is a piece of the text and nothing else. Its value is absent if it is not.
type saying struct{ json.Value }

// pattern is a line with a gap for its time and one for its words. The zero value is like no line.
type pattern struct{ before, between, after string }

// patternOf is the pattern of a line that has just been read.
func (s *state) patternOf(event *wit.StreamEvent) pattern {
	if !s.only.IsText() || s.done || event.Name != nil || s.said != "" || s.tags.Where != thinktag.After {
		return pattern{}
	}
	line, _ := json.ParseText(event.Data) // it was read
	before, _ := line.Get("created_at").Around(event.Data)
	front, after := s.only.Around(event.Data)
	if at := len(before); before != "" && strings.HasPrefix(front, before) && line.Get("created_at").IsText() {
		at += len(line.Get("created_at").Raw())
		if at < len(front) {
			return pattern{before, front[at:], after}
		}
	}
	return pattern{}
}

// read returns what a line says that is like the pattern. Reading all of the line would come to the same, for JSON with
// another text in a text's place is the same but for that text.
func (p *pattern) read(event *wit.StreamEvent) (json.Value, bool) {
	if p.before == "" || event.Kind != wit.StreamEventKindData || event.Name != nil {
		return json.Value{}, false
	}
	rest, begins := strings.CutPrefix(event.Data, p.before)
	moment, rest, timed := strings.Cut(rest, p.between)
	text, ends := strings.CutSuffix(rest, p.after)
	if !begins || !timed || !ends || !plain(moment) {
		return json.Value{}, false
	}
	value, err := json.ParseText(text)
	return value, err == nil && value.IsText()
}

// plain reports whether a JSON text is one of printable characters without escapes.
func plain(text string) bool {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return false
	}
	for _, c := range []byte(text[1 : len(text)-1]) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// like is the pattern for the gateway, which reads such lines itself. nil is none.
func (s *state) like(p *pattern) *wit.EventPattern {
	if p.before == "" || s.done || s.said != "" || len(p.before) > wit.EventPatternBeforeMax || len(p.between) > wit.EventPatternBetweenMax || len(p.after) > wit.EventPatternAfterMax {
		return nil
	}
	return &wit.EventPattern{Kind: wit.DeltaKindText, Before: p.before, Between: p.between, After: p.after}
}
