package openai

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/half"
	"github.com/carapace-gateway/carapace/sdk/go/provider/thinktag"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what of a stream has to be known at its next chunk. It is read and written with each of them, so what grows
// with the answer is not in it, but for what has to come back, which is bounded.
type state struct {
	status     int64
	wait.Waits        // by its headers
	reason     string // why the model stopped, once it has said so
	begun      bool   // an event came that could be read
	spoke      bool   // text or a call came
	oldCall    bool   // it came as function_call
	stopped    bool   // the answer has its reason to stop
	done       bool   // and nothing that follows belongs to it

	tags          thinktag.Tags
	hinted        bool // see hint
	said, thought half.Half
	thinkingField string     // that thinking came in, see delta.go; sendBack writes it there again
	details       json.Array // reasoning_details
	signatures    wit.JSON   // of the message
	calls         []call
	names         toolname.Own // the tools' own, where the server calls them otherwise

	only saying // of the event that was read last, if it says nothing else; it does not travel
}

// readState reads what JSON wrote; nothing is the state at the beginning.
func readState(v json.Value) *state {
	s := &state{}
	for name, field := range v.Fields() { // in one go: one of them can be long
		s.read(name, field)
	}
	return s
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
		s.tags.Where = thinktag.Place(field.Int())
	case "close":
		s.tags.Close = field.Text()
	case "held":
		s.tags.Held = field.Text()
	case "kept":
		s.tags.Kept = field.Text()
	case "said":
		s.said = half.Half(field.Text())
	case "thought":
		s.thought = half.Half(field.Text())
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
		s.names = toolname.ReadOwn(field)
	}
}

// readCall reads what callsJSON wrote of a call.
func readCall(item json.Value) call {
	return call{
		index: item.Get("index").Int(), id: item.Get("id").Text(), name: item.Get("name").Text(), half: half.Half(item.Get("half").Text()),
		args: nesting{item.Get("depth").Int(), item.Get("place").Int(), item.Get("started").Bool()},
	}
}

// JSON is the state as it travels, without what is still as it was at first.
func (s *state) JSON() wit.JSON {
	out := json.Sparse{}
	if s.done {
		out.AddTrue("done", true)
		return out.JSON()
	}
	out.AddInt("status", s.status)
	out.AddInt("wait", s.Asked)
	out.AddInt("reset", s.Reset)
	out.AddText("reason", s.reason)
	out.AddTrue("begun", s.begun)
	out.AddTrue("spoke", s.spoke)
	out.AddTrue("oldCall", s.oldCall)
	out.AddTrue("hinted", s.hinted)
	out.AddTrue("stopped", s.stopped)
	out.AddInt("place", int64(s.tags.Where))
	out.AddText("close", s.tags.Close)
	out.AddText("held", s.tags.Held)
	out.AddText("kept", s.tags.Kept)
	out.AddText("said", string(s.said))
	out.AddText("thought", string(s.thought))
	out.AddText("thinkingField", s.thinkingField)
	if len(s.details) > 0 {
		out.Object = out.Raw("details", s.details.JSON())
	}
	out.Object = out.Raw("signatures", s.signatures)
	if len(s.calls) > 0 {
		out.Object = out.Raw("calls", callsJSON(s.calls))
	}
	if len(s.names) > 0 {
		out.Object = out.Raw("names", s.names.JSON())
	}
	return out.JSON()
}

// callsJSON are the calls as they travel.
func callsJSON(calls []call) wit.JSON {
	list := json.Array{}
	for _, c := range calls {
		item := json.Sparse{}
		item.AddInt("index", c.index)
		item.AddText("id", c.id)
		item.AddText("name", c.name)
		item.AddText("half", string(c.half))
		item.AddInt("depth", c.args.depth)
		item.AddInt("place", c.args.place)
		item.AddTrue("started", c.args.started)
		list = list.Add(item.JSON())
	}
	return list.JSON()
}
