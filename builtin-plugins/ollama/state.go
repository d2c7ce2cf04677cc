package ollama

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/half"
	"github.com/carapace-gateway/carapace/sdk/go/provider/thinktag"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what of a stream has to be known at its next chunk. It is read and written with each of them, so nothing that
// grows with the answer is in it.
type state struct {
	status        int64
	wait.Waits         // by its headers
	begun         bool // a line came that could be read
	thinks        bool // thinking came
	done          bool // nothing that follows belongs to the answer
	calls         int64
	said, thought half.Half
	tags          thinktag.Tags
	names         toolname.Own // the tools' own, where the server calls them otherwise

	only saying // of the line that was read last, if it says nothing else; it does not travel
}

// readState reads what JSON wrote; nothing is the state at the beginning.
func readState(raw wit.JSON) (*state, error) {
	s := &state{}
	if len(raw) == 0 {
		return s, nil
	}
	v, err := json.Parse(raw)
	if err != nil {
		return nil, err
	}
	for name, field := range v.Fields() {
		s.read(name, field)
	}
	return s, nil
}

// read takes up one field.
func (s *state) read(name string, field json.Value) {
	switch name {
	case "status":
		s.status = field.Int()
	case "wait":
		s.Asked = field.Int()
	case "reset":
		s.Reset = field.Int()
	case "begun":
		s.begun = field.Bool()
	case "thinks":
		s.thinks = field.Bool()
	case "done":
		s.done = field.Bool()
	case "calls":
		s.calls = min(max(field.Int(), 0), wit.ProviderAnswerToolCallsMax)
	case "said":
		s.said = half.Half(field.Text())
	case "thought":
		s.thought = half.Half(field.Text())
	case "place":
		s.tags.Where = thinktag.Place(field.Int())
	case "close":
		s.tags.Close = field.Text()
	case "held":
		s.tags.Held = field.Text()
	case "names":
		s.names = toolname.ReadOwn(field)
	}
}

// JSON is the state as it travels, without what is still as it was at first.
func (s *state) JSON() wit.JSON {
	out := json.Object{}
	if s.done {
		return out.Bool("done", true).JSON()
	}
	for _, n := range [...]struct {
		name  string
		value int64
	}{{"status", s.status}, {"wait", s.Asked}, {"reset", s.Reset}, {"calls", s.calls}, {"place", int64(s.tags.Where)}} {
		if n.value != 0 {
			out = out.Int(n.name, n.value)
		}
	}
	if s.begun {
		out = out.Bool("begun", true)
	}
	if s.thinks {
		out = out.Bool("thinks", true)
	}
	for _, t := range [...]struct{ name, value string }{{"said", string(s.said)}, {"thought", string(s.thought)}, {"close", s.tags.Close}, {"held", s.tags.Held}} {
		if t.value != "" {
			out = out.Text(t.name, t.value)
		}
	}
	if len(s.names) > 0 {
		out = out.Raw("names", s.names.JSON())
	}
	return out.JSON()
}
