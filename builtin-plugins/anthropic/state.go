package anthropic

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/half"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what of a stream has to be known at its next chunk. It is read and written with each of them, so what grows
// with the answer is not in it, but for what has to come back, which is bounded.
type state struct {
	status     int64
	wait.Waits        // by its headers
	again      string // whether it says that a second try makes sense: true, false, or nothing
	reason     string // why the model stopped, once it has said so
	begun      bool   // an event came that could be read
	spoke      bool   // a text came
	stopped    bool   // the answer has its reason to stop
	done       bool   // and nothing that follows belongs to it

	open  []open
	texts int64 // how many texts there were
	calls int64
	order json.Array // of the blocks, see opaque.go
	size  int64      // of the order and what will be in it
	lost  bool       // it is of no use: it would be longer than maxThinking
	usage wit.Usage

	names      toolname.Own // the tools' own, where the server calls them otherwise
	answerTool string       // whose arguments are the answer

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
		s.Asked = field.Int()
	case "reset":
		s.Reset = field.Int()
	case "again":
		s.again = field.Text()
	case "reason":
		s.reason = field.Text()
	case "begun":
		s.begun = field.Bool()
	case "spoke":
		s.spoke = field.Bool()
	case "stopped":
		s.stopped = field.Bool()
	case "done":
		s.done = field.Bool()
	case "texts":
		s.texts = field.Int()
	case "calls":
		s.calls = field.Int()
	case "size":
		s.size = field.Int()
	case "lost":
		s.lost = field.Bool()
	case "answerTool":
		s.answerTool = field.Text()
	case "open":
		for item := range field.Items() {
			s.open = append(s.open, readOpen(item))
		}
	case "order":
		for item := range field.Items() {
			s.order = s.order.Add(item.Raw())
		}
	case "usage":
		s.usage = wit.Usage{
			Input: uint64(field.Get("in").Int()), Output: uint64(field.Get("out").Int()),
			CacheRead: uint64(field.Get("read").Int()), CacheWrite: uint64(field.Get("write").Int()), Model: field.Get("model").Text(),
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
	out.AddText("again", s.again)
	out.AddText("reason", s.reason)
	out.AddTrue("begun", s.begun)
	out.AddTrue("spoke", s.spoke)
	out.AddTrue("stopped", s.stopped)
	out.AddInt("texts", s.texts)
	out.AddInt("calls", s.calls)
	out.AddInt("size", s.size)
	out.AddTrue("lost", s.lost)
	out.AddText("answerTool", s.answerTool)
	if len(s.open) > 0 {
		out.Object = out.Array("open", s.openBlocks)
	}
	if len(s.order) > 0 && !s.lost {
		out.Object = out.Raw("order", s.order.JSON())
	}
	if s.usage != (wit.Usage{}) {
		used := json.Sparse{}
		used.AddInt("in", int64(s.usage.Input))
		used.AddInt("out", int64(s.usage.Output))
		used.AddInt("read", int64(s.usage.CacheRead))
		used.AddInt("write", int64(s.usage.CacheWrite))
		used.AddText("model", s.usage.Model)
		out.Object = out.Raw("usage", used.JSON())
	}
	if len(s.names) > 0 {
		out.Object = out.Raw("names", s.names.JSON())
	}
	return out.JSON()
}

// openBlocks are the open blocks as they travel. Thinking that is too long to go back stays behind.
func (s *state) openBlocks(list json.Array) json.Array {
	for i := range s.open {
		b, item := &s.open[i], json.Sparse{}
		item.AddInt("index", b.index)
		item.AddText("kind", b.kind)
		item.AddText("half", string(b.half))
		item.AddInt("call", b.call)
		item.AddTrue("whole", b.whole)
		item.AddInt("bytes", b.bytes)
		if !s.lost {
			item.AddText("text", b.text)
			item.AddText("signature", b.signature)
		}
		list = list.Add(item.JSON())
	}
	return list
}

// readOpen reads what openBlocks wrote of a block.
func readOpen(item json.Value) open {
	return open{
		index: item.Get("index").Int(), kind: item.Get("kind").Text(), half: half.Half(item.Get("half").Text()),
		call: item.Get("call").Int(), whole: item.Get("whole").Bool(), bytes: item.Get("bytes").Int(),
		text: item.Get("text").Text(), signature: item.Get("signature").Text(),
	}
}
