package gemini

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/half"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what of a stream has to be known at its next chunk. It is read and written with each of them, so what grows
// with the answer is not in it, but for signatures, which are bounded.
type state struct {
	status     int64
	wait.Waits        // by its headers
	reason     string // why the model stopped, once it has said so
	message    string // what it says about that
	begun      bool   // an event came that could be read
	stopped    bool   // the answer has its reason to stop
	done       bool   // and nothing that follows belongs to it
	said       int64  // bytes of the text
	calls      int64
	drew       bool // a picture came
	text       half.Half
	thought    half.Half
	marks      json.Array   // see opaque.go
	names      toolname.Own // the tools' own, where the server calls them otherwise
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
		s.Asked = field.Int()
	case "reset":
		s.Reset = field.Int()
	case "reason":
		s.reason = field.Text()
	case "message":
		s.message = field.Text()
	case "begun":
		s.begun = field.Bool()
	case "stopped":
		s.stopped = field.Bool()
	case "done":
		s.done = field.Bool()
	case "said":
		s.said = field.Int()
	case "calls":
		s.calls = field.Int()
	case "drew":
		s.drew = field.Bool()
	case "text":
		s.text = half.Half(field.Text())
	case "thought":
		s.thought = half.Half(field.Text())
	case "marks":
		for item := range field.Items() {
			s.marks = s.marks.Add(item.Raw())
		}
	case "names":
		s.names = toolname.ReadOwn(field)
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
	out.AddText("message", s.message)
	out.AddTrue("begun", s.begun)
	out.AddTrue("stopped", s.stopped)
	out.AddInt("said", s.said)
	out.AddInt("calls", s.calls)
	out.AddTrue("drew", s.drew)
	out.AddText("text", string(s.text))
	out.AddText("thought", string(s.thought))
	if len(s.marks) > 0 {
		out.Object = out.Raw("marks", s.marks.JSON())
	}
	if len(s.names) > 0 {
		out.Object = out.Raw("names", s.names.JSON())
	}
	return out.JSON()
}
