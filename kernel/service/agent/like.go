package agent

import (
	"encoding/json"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// alike reads an event that looks as a provider has said: JSON with a gap for a text. One that may have half a character
// in its text, which only the provider can put together with the other, is not read here.
func alike(like *wit.EventPattern, e *wit.StreamEvent) (d wit.Delta, ok bool) {
	if like == nil || e.Kind != wit.StreamEventKindData || e.Name != nil {
		return d, false
	}
	rest, begins := strings.CutPrefix(e.Data, like.Before)
	text, ends := strings.CutSuffix(rest, like.After)
	if !begins || !ends || !strings.HasPrefix(text, `"`) || strings.Contains(text, `\u`) {
		return d, false
	}
	d.Kind = like.Kind
	err := json.Unmarshal([]byte(text), &d.Text)
	return d, err == nil && (like.Unless == "" || !strings.Contains(d.Text, like.Unless))
}
