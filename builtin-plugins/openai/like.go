package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/thinktag"
	"github.com/carapace-gateway/carapace/wit"
)

// Most events of a stream are the same but for a word, and to see that costs a fifth of reading one. So an event that says
// one thing is a pattern for those which arrived with it, and, with less than that, the gateway reads those that follow.

// saying is what a piece says, if that is one thing: a text, or thinking. Its value is absent if it is not.
type saying struct {
	thinking string // its field, empty for a text
	value    json.Value
}

// only is what a piece says that says nothing else.
func (p *piece) only() saying {
	if p.fields != 1 {
		return saying{}
	}
	if p.content.IsText() {
		return saying{value: p.content}
	}
	for n, name := range thinkingFields {
		if p.thinking[n].IsText() {
			return saying{name, p.thinking[n]}
		}
	}
	return saying{}
}

// pattern is an event with a gap for its words. The zero value is like no event.
type pattern struct {
	before, after string
	thinking      string // as in saying
}

// patternOf is the pattern of an event that says no more than that.
func patternOf(event *wit.StreamEvent, all saying) pattern {
	before, after := all.value.Around(event.Data)
	return pattern{before, after, all.thinking}
}

// read returns what an event says that is like the pattern. Reading all of the event would come to the same, for JSON
// with another text in a text's place is the same but for that text.
func (p *pattern) read(event *wit.StreamEvent) (saying, bool) {
	if p.before == "" || event.Kind != wit.StreamEventKindData || event.Name != nil {
		return saying{}, false
	}
	rest, begins := strings.CutPrefix(event.Data, p.before)
	text, ends := strings.CutSuffix(rest, p.after)
	if !begins || !ends {
		return saying{}, false
	}
	value, err := json.ParseText(text)
	return saying{p.thinking, value}, err == nil && value.IsText()
}

// like is the pattern for the gateway, which reads such events itself, where all of them are sure to change nothing. nil is
// none.
func (s *state) like(p *pattern) *wit.EventPattern {
	if p.before == "" || len(p.before) > wit.EventPatternBeforeMax || len(p.after) > wit.EventPatternAfterMax || s.done {
		return nil
	}
	like := &wit.EventPattern{Kind: wit.DeltaKindText, Before: p.before, After: p.after}
	switch {
	case p.thinking != "" && p.thinking == s.thinkingField && s.thought == "":
		like.Kind = wit.DeltaKindThinking
	case p.thinking != "" || s.tags.Where != thinktag.After || s.said != "":
		return nil
	case !s.hinted:
		like.Unless = thinktag.Closing
	}
	return like
}
