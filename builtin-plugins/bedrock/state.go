package bedrock

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what of a stream has to be known at its next chunk.
type state struct {
	status     int64
	kind       string // of a failure, by the head
	wait.Waits        // likewise
	stopped    bool   // the answer has its reason to stop
	done       bool   // and nothing that follows belongs to it
	calls      []int64
	length     int64  // bytes of the block of reasoning that has begun
	signature  string // of it
	blocks     json.Array
	lost       bool // there was no room for one of them
	names      toolname.Own
}

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

func (s *state) read(name string, field json.Value) {
	switch name {
	case "status":
		s.status = field.Int()
	case "kind":
		s.kind = field.Text()
	case "wait":
		s.Asked = field.Int()
	case "reset":
		s.Reset = field.Int()
	case "stopped":
		s.stopped = field.Bool()
	case "done":
		s.done = field.Bool()
	case "calls":
		for item := range field.Items() {
			s.calls = append(s.calls, item.Get("at").Int())
		}
	case "length":
		s.length = field.Int()
	case "signature":
		s.signature = field.Text()
	case "blocks":
		for item := range field.Items() {
			s.blocks = s.blocks.Add(item.Raw())
		}
	case "lost":
		s.lost = field.Bool()
	case "names":
		s.names = toolname.ReadOwn(field)
	}
}

// JSON is the state as it travels, without what is still as it was at first.
func (s *state) JSON() wit.JSON {
	out := json.Object{}
	number := func(name string, value int64) {
		if value != 0 {
			out = out.Int(name, value)
		}
	}
	words := func(name, value string) {
		if value != "" {
			out = out.Text(name, value)
		}
	}
	flag := func(name string, value bool) {
		if value {
			out = out.Bool(name, value)
		}
	}
	if flag("done", s.done); s.done {
		return out.JSON()
	}
	number("status", s.status)
	words("kind", s.kind)
	number("wait", s.Asked)
	number("reset", s.Reset)
	flag("stopped", s.stopped)
	number("length", s.length)
	words("signature", s.signature)
	flag("lost", s.lost)
	if len(s.blocks) > 0 {
		out = out.Raw("blocks", s.blocks.JSON())
	}
	if len(s.calls) > 0 {
		list := json.Array{}
		for _, at := range s.calls {
			list = list.Object(func(o json.Object) json.Object { return o.Int("at", at) })
		}
		out = out.Raw("calls", list.JSON())
	}
	if len(s.names) > 0 {
		out = out.Raw("names", s.names.JSON())
	}
	return out.JSON()
}
