package openai

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what of a stream has to be known at its next chunk.
type state struct {
	status     int64
	retryAfter int64  // milliseconds, 0 when the server did not say
	reason     string // why the model stopped, once it has said so
	done       bool
	calls      []call
}

// call is a tool call as far as it has come.
type call struct{ id, name, args string }

const (
	maxCalls = 64
	// maxArgs bounds all arguments together, so that the state, which travels with each chunk, stays small.
	maxArgs = 24 << 10
)

func readState(raw wit.JSON) (*state, error) {
	s := &state{}
	if len(raw) == 0 {
		return s, nil
	}
	value, err := json.Parse(raw)
	if err != nil {
		return nil, err
	}
	s.status = value.Get("status").Int()
	s.retryAfter = value.Get("retryAfter").Int()
	s.reason = value.Get("reason").Text()
	s.done = value.Get("done").Bool()
	for item := range value.Get("calls").Items() {
		s.calls = append(s.calls, call{item.Get("id").Text(), item.Get("name").Text(), item.Get("args").Text()})
	}
	return s, nil
}

// JSON is the state as it travels.
func (s *state) JSON() wit.JSON {
	if s.done {
		return json.Object{}.Bool("done", true).JSON()
	}
	out := json.Object{}.Int("status", s.status)
	if s.retryAfter > 0 {
		out = out.Int("retryAfter", s.retryAfter)
	}
	if s.reason != "" {
		out = out.Text("reason", s.reason)
	}
	if len(s.calls) > 0 {
		calls := json.Array{}
		for _, c := range s.calls {
			calls = calls.Add(json.Object{}.Text("id", c.id).Text("name", c.name).Text("args", c.args).JSON())
		}
		out = out.Raw("calls", calls.JSON())
	}
	return out.JSON()
}

// addCall adds a fragment to the call at index, and reports whether that still fits.
func (s *state) addCall(index int64, fragment json.Value) bool {
	if index < 0 || index >= maxCalls {
		return false
	}
	for int64(len(s.calls)) <= index {
		s.calls = append(s.calls, call{})
	}
	c := &s.calls[index]
	if id := fragment.Get("id").Text(); id != "" {
		c.id = id
	}
	if name := fragment.Get("function", "name").Text(); name != "" {
		c.name = name
	}
	c.args += fragment.Get("function", "arguments").Text()
	length := 0
	for _, c := range s.calls {
		length += len(c.id) + len(c.name) + len(c.args)
	}
	return length <= maxArgs
}

// toolCalls are the finished calls. Arguments that are not JSON are handed on as a string of JSON, so
// that the tool can say what is wrong with them.
func (s *state) toolCalls() []wit.ToolCall {
	var list []wit.ToolCall
	for _, c := range s.calls {
		if c.name == "" {
			continue
		}
		args := wit.JSON(c.args)
		if c.args == "" {
			args = wit.JSON("{}")
		} else if _, err := json.Parse(args); err != nil {
			args = json.Text(c.args)
		}
		list = append(list, wit.ToolCall{ID: c.id, Name: c.name, Args: args})
	}
	return list
}
