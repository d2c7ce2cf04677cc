package openai

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/half"
	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// response is what of a stream of the Responses API has to be known at its next chunk.
type response struct {
	status int64
	wait.Waits
	begun   bool // an event came that could be read
	refused bool
	stopped bool
	done    bool

	said, thought half.Half
	size          int64      // bytes of the text since the last item
	streamed      bool       // text of the item came in pieces
	summary       bool       // a part of thinking came, which another one is to be told from
	output        json.Array // what is to come back, see items.go
	reasoned      bool       // there is reasoning in it
	drew          bool       // a picture came
	calls         []itemCall
	names         toolname.Own
}

// itemCall is a call that has begun.
type itemCall struct {
	at   int64 // its place in the output, or noIndex
	id   string
	half half.Half
	args bool // some of its arguments came
}

// responsesAPI marks the state of this API.
const responsesAPI = "responses"

// readResponse reads what JSON wrote.
func readResponse(v json.Value) *response {
	s := &response{}
	for name, field := range v.Fields() {
		s.read(name, field)
	}
	return s
}

func (s *response) read(name string, field json.Value) {
	switch name {
	case "status":
		s.status = field.Int()
	case "wait":
		s.Asked = field.Int()
	case "reset":
		s.Reset = field.Int()
	case "begun":
		s.begun = field.Bool()
	case "refused":
		s.refused = field.Bool()
	case "stopped":
		s.stopped = field.Bool()
	case "done":
		s.done = field.Bool()
	case "said":
		s.said = half.Half(field.Text())
	case "thought":
		s.thought = half.Half(field.Text())
	case "size":
		s.size = field.Int()
	case "streamed":
		s.streamed = field.Bool()
	case "summary":
		s.summary = field.Bool()
	case "reasoned":
		s.reasoned = field.Bool()
	case "drew":
		s.drew = field.Bool()
	case "output":
		for item := range field.Items() {
			s.output = s.output.Add(item.Raw())
		}
	case "calls":
		for item := range field.Items() {
			s.calls = append(s.calls, itemCall{item.Get("at").Int(), item.Get("id").Text(), half.Half(item.Get("half").Text()), item.Get("args").Bool()})
		}
	case "names":
		s.names = toolname.ReadOwn(field)
	}
}

// JSON is the state as it travels, without what is still as it was at first.
func (s *response) JSON() wit.JSON {
	out := json.Sparse{Object: json.Object{}.Text("api", responsesAPI)}
	if s.done {
		out.AddTrue("done", true)
		return out.JSON()
	}
	out.AddInt("status", s.status)
	out.AddInt("wait", s.Asked)
	out.AddInt("reset", s.Reset)
	out.AddTrue("begun", s.begun)
	out.AddTrue("refused", s.refused)
	out.AddTrue("stopped", s.stopped)
	out.AddText("said", string(s.said))
	out.AddText("thought", string(s.thought))
	out.AddInt("size", s.size)
	out.AddTrue("streamed", s.streamed)
	out.AddTrue("summary", s.summary)
	out.AddTrue("reasoned", s.reasoned)
	out.AddTrue("drew", s.drew)
	if len(s.output) > 0 {
		out.Object = out.Raw("output", s.output.JSON())
	}
	if len(s.calls) > 0 {
		list := json.Array{}
		for _, c := range s.calls {
			item := json.Sparse{}
			item.AddInt("at", c.at)
			item.AddText("id", c.id)
			item.AddText("half", string(c.half))
			item.AddTrue("args", c.args)
			list = list.Add(item.JSON())
		}
		out.Object = out.Raw("calls", list.JSON())
	}
	if len(s.names) > 0 {
		out.Object = out.Raw("names", s.names.JSON())
	}
	return out.JSON()
}
