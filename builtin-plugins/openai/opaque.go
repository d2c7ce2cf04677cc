package openai

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Some servers sign what a model thought, and want the signature back with the turn or the call that it came with;
// some want the thinking itself, wherever tools were called. The gateway keeps both (see opaque and thinking in
// wit/provider.wit). Opaque data here is an object of fields that are sent back as they came.

// signed are the fields that may carry a signature, of a message and of a call: Google's, and those of two proxies.
var signed = [...]string{"extra_content", "thought_signature", "provider_specific_fields"}

// maxOpaque bounds the fields of one turn or call, for they travel in the state. What is longer is not kept.
const maxOpaque = 64 << 10

// signatures are the fields of a message or a call that go back as they came; empty when there are none.
func signatures(of json.Value) wit.JSON {
	out := json.Object{}
	for _, name := range signed {
		if field := of.Get(name); field.Exists() && len(out)+len(field.Raw()) < maxOpaque {
			out = out.Raw(name, field.Raw())
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out.JSON()
}

// thinkingField is where the opaque data of a turn says which field the thinking goes back in.
const thinkingField = "thinking_field"

// opaque is what a turn is to have again.
func (s *state) opaque() wit.JSON {
	out := json.Object{}
	if s.thinkingField != "" && s.thinkingField != detailsField { // the details go back themselves
		out = out.Text(thinkingField, s.thinkingField)
	}
	if len(s.details) > 0 {
		out = out.Raw(detailsField, s.details.JSON())
	}
	out = withFields(out, s.signatures)
	if len(out) == 0 {
		return nil
	}
	return out.JSON()
}

// keep takes up what of a message has to come back.
func (s *state) keep(message json.Value, p *piece) {
	if p.signed {
		if found := signatures(message); found != nil {
			s.signatures = found
		}
	}
	for item := range p.details.Items() {
		if len(s.details)+len(item.Raw()) < maxOpaque {
			s.details = s.details.Add(item.Raw())
		}
	}
}

// sendBack adds to a message what its turn was to have again. Without thinking there is no field for it: some servers
// refuse an empty one.
func sendBack(message json.Object, turn *wit.ChatTurn) json.Object {
	if len(turn.Opaque) == 0 {
		return message
	}
	opaque, _ := json.Parse(turn.Opaque) // it is this plugin's own
	if field := opaque.Get(thinkingField).Text(); field != "" && turn.Thinking != "" {
		message = message.Text(field, turn.Thinking)
	}
	return withFields(message, turn.Opaque)
}

// withFields adds the fields of opaque data.
func withFields(to json.Object, opaque wit.JSON) json.Object {
	fields, _ := json.Parse(opaque) // it is this plugin's own
	for name, field := range fields.Fields() {
		if name != thinkingField && name != outputField {
			to = to.Raw(name, field.Raw())
		}
	}
	return to
}
