package openai

import (
	"maps"
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what of a stream has to be known at its next chunk. It is read and written with each of them, so what grows
// with the answer is not in it, but for what has to come back, which is bounded.
type state struct {
	status  int64
	waits          // by its headers
	reason  string // why the model stopped, once it has said so
	begun   bool   // an event came that could be read
	spoke   bool   // text or a call came
	oldCall bool   // it came as function_call
	stopped bool   // the answer has its reason to stop
	done    bool   // and nothing that follows belongs to it

	tags          tags
	hinted        bool // see hint
	said, thought half
	thinkingField string     // that thinking came in, see delta.go; sendBack writes it there again
	details       json.Array // reasoning_details
	signatures    wit.JSON   // of the message
	calls         []call
	names         map[string]string // the tools' own, where the server calls them otherwise

	only saying // of the event that was read last, if it says nothing else; it does not travel
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
	for name, field := range v.Fields() { // in one go: one of them can be long
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
		s.asked = field.Int()
	case "reset":
		s.reset = field.Int()
	case "reason":
		s.reason = field.Text()
	case "begun":
		s.begun = field.Bool()
	case "spoke":
		s.spoke = field.Bool()
	case "oldCall":
		s.oldCall = field.Bool()
	case "hinted":
		s.hinted = field.Bool()
	case "stopped":
		s.stopped = field.Bool()
	case "done":
		s.done = field.Bool()
	case "place":
		s.tags.where = place(field.Int())
	case "close":
		s.tags.close = field.Text()
	case "held":
		s.tags.held = field.Text()
	case "kept":
		s.tags.kept = field.Text()
	case "said":
		s.said = half(field.Text())
	case "thought":
		s.thought = half(field.Text())
	case "thinkingField":
		s.thinkingField = field.Text()
	case "signatures":
		s.signatures = field.Raw()
	case "details":
		for item := range field.Items() {
			s.details = s.details.Add(item.Raw())
		}
	case "calls":
		for item := range field.Items() {
			s.calls = append(s.calls, readCall(item))
		}
	case "names":
		s.names = map[string]string{}
		for legal, own := range field.Fields() {
			s.names[legal] = own.Text()
		}
	}
}

// readCall reads what callsJSON wrote of a call.
func readCall(item json.Value) call {
	return call{
		index: item.Get("index").Int(), id: item.Get("id").Text(), name: item.Get("name").Text(), half: half(item.Get("half").Text()),
		args: nesting{item.Get("depth").Int(), item.Get("place").Int(), item.Get("started").Bool()},
	}
}

// JSON is the state as it travels, without what is still as it was at first.
func (s *state) JSON() wit.JSON {
	out := fields{json.Object{}}
	if s.done {
		out.flag("done", true)
		return out.JSON()
	}
	out.number("status", s.status)
	out.number("wait", s.asked)
	out.number("reset", s.reset)
	out.text("reason", s.reason)
	out.flag("begun", s.begun)
	out.flag("spoke", s.spoke)
	out.flag("oldCall", s.oldCall)
	out.flag("hinted", s.hinted)
	out.flag("stopped", s.stopped)
	out.number("place", int64(s.tags.where))
	out.text("close", s.tags.close)
	out.text("held", s.tags.held)
	out.text("kept", s.tags.kept)
	out.text("said", string(s.said))
	out.text("thought", string(s.thought))
	out.text("thinkingField", s.thinkingField)
	if len(s.details) > 0 {
		out.Object = out.Raw("details", s.details.JSON())
	}
	out.Object = out.Raw("signatures", s.signatures)
	if len(s.calls) > 0 {
		out.Object = out.Raw("calls", callsJSON(s.calls))
	}
	if len(s.names) > 0 {
		names := json.Object{}
		for _, legal := range slices.Sorted(maps.Keys(s.names)) {
			names = names.Text(legal, s.names[legal])
		}
		out.Object = out.Raw("names", names.JSON())
	}
	return out.JSON()
}

// callsJSON are the calls as they travel.
func callsJSON(calls []call) wit.JSON {
	list := json.Array{}
	for _, c := range calls {
		item := fields{json.Object{}}
		item.number("index", c.index)
		item.text("id", c.id)
		item.text("name", c.name)
		item.text("half", string(c.half))
		item.number("depth", c.args.depth)
		item.number("place", c.args.place)
		item.flag("started", c.args.started)
		list = list.Add(item.JSON())
	}
	return list.JSON()
}

// fields is an object to which only what is not zero is added.
type fields struct{ json.Object }

func (f *fields) number(name string, value int64) {
	if value != 0 {
		f.Object = f.Int(name, value)
	}
}

func (f *fields) text(name, value string) {
	if value != "" {
		f.Object = f.Text(name, value)
	}
}

func (f *fields) flag(name string, value bool) {
	if value {
		f.Object = f.Bool(name, value)
	}
}
