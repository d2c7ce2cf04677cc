package anthropic

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Most events of a stream are the same but for a word, and to see that costs a fifth of reading one. So an event that says a
// text is a pattern for those which arrived with it, and, with less than that, the gateway reads those that follow.

// saying is what an event says, if that is a piece of a text and nothing else. Its value is absent if it is not.
type saying struct {
	value json.Value
	index int64
}

// pattern is an event with a gap for its words. The zero value is like no event.
type pattern struct {
	name          string
	before, after string
	index         int64
}

// patternOf is the pattern of an event that has just been read. There is one only where the next piece leaves the state as it
// is: of the first text, with no half of a character left.
func (s *state) patternOf(event *wit.StreamEvent) (p pattern) {
	if !s.only.value.IsText() || s.done || s.texts != 1 {
		return p
	}
	if b := s.at(s.only.index, ofText); b.half != "" {
		return p
	}
	p.before, p.after = s.only.value.Around(event.Data)
	p.index = s.only.index
	if event.Name != nil {
		p.name = *event.Name
	}
	return p
}

// read returns what an event says that is like the pattern. Reading all of the event would come to the same, for JSON with
// another text in a text's place is the same but for that text.
func (p *pattern) read(event *wit.StreamEvent) (saying, bool) {
	if p.before == "" || event.Kind != wit.StreamEventKindData || nameOfEvent(event) != p.name {
		return saying{}, false
	}
	rest, begins := strings.CutPrefix(event.Data, p.before)
	text, ends := strings.CutSuffix(rest, p.after)
	if !begins || !ends {
		return saying{}, false
	}
	value, err := json.ParseText(text)
	return saying{value, p.index}, err == nil && value.IsText()
}

func nameOfEvent(event *wit.StreamEvent) string {
	if event.Name == nil {
		return ""
	}
	return *event.Name
}

// like is the pattern for the gateway, which reads such events itself. nil is none.
func (s *state) like(p *pattern) *wit.EventPattern {
	if p.before == "" || len(p.before) > wit.EventPatternBeforeMax || len(p.after) > wit.EventPatternAfterMax || len(p.name) > wit.EventPatternNameMax {
		return nil
	}
	if b := s.at(p.index, ofText); b.half != "" || !s.spoke {
		return nil
	}
	return &wit.EventPattern{Kind: wit.DeltaKindText, Name: p.name, Before: p.before, After: p.after}
}
