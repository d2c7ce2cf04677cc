package ollamatest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Answer is what one chat is answered with.
type Answer struct {
	Thinking, Text string
	Calls          []Call
	// Done is the reason to stop, stop when empty.
	Done string
	// Status refuses the request with Error. With After, Error comes in the stream after so many lines; or, with Cut, the
	// connection breaks there; or, with Hang, it stays open until the client goes.
	Status    int
	Error     string
	After     int
	Cut, Hang bool
}

// Call is a call of a tool. Args is a JSON object.
type Call struct{ ID, Name, Args string }

type fields = map[string]any

// play answers a request, as a stream or not.
func (a Answer) play(q *request) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if q.Stream != nil && !*q.Stream {
			last := a.last(q)
			last["message"] = fields{"role": "assistant", "content": a.Text, "thinking": a.Thinking, "tool_calls": a.calls()}
			reply(last)(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		for i, line := range a.lines(q) {
			if a.After > 0 && i == a.After {
				a.breaks(w, r)
				return
			}
			if !send(w, line) {
				return
			}
		}
	}
}

// breaks ends a stream before its time.
func (a *Answer) breaks(w http.ResponseWriter, r *http.Request) {
	switch {
	case a.Hang:
		<-r.Context().Done()
	case a.Cut:
		panic(http.ErrAbortHandler)
	default:
		send(w, fields{"error": a.Error})
	}
}

// line is a line as the server writes them, with its fields in their order.
type line struct {
	Model     string    `json:"model"`
	CreatedAt time.Time `json:"created_at"`
	Message   any       `json:"message"`
	Done      bool      `json:"done"`
}

// message is a piece of a message.
type message struct {
	Role     string `json:"role"`
	Content  string `json:"content"`
	Thinking string `json:"thinking,omitempty"`
	Calls    any    `json:"tool_calls,omitempty"`
}

// lines are those of the whole answer: a word each, a call each, and the end.
func (a *Answer) lines(q *request) (list []any) {
	add := func(m message) {
		m.Role = "assistant"
		list = append(list, line{q.Model, time.Date(2026, 1, 1, 0, 0, len(list), 1000*len(list), time.UTC), m, false})
	}
	for word := range strings.SplitAfterSeq(a.Thinking, " ") {
		if word != "" {
			add(message{Thinking: word})
		}
	}
	for word := range strings.SplitAfterSeq(a.Text, " ") {
		if word != "" {
			add(message{Content: word})
		}
	}
	for _, call := range a.calls() {
		add(message{Calls: []any{call}})
	}
	return append(list, a.last(q))
}

func (a *Answer) calls() (list []any) {
	for i, c := range a.Calls {
		call := fields{"function": fields{"index": i, "name": c.Name, "arguments": json.RawMessage(c.Args)}}
		if c.ID != "" {
			call["id"] = c.ID
		}
		list = append(list, call)
	}
	return list
}

// last is the end of an answer, which says how it was.
func (a *Answer) last(q *request) fields {
	reason := a.Done
	if reason == "" {
		reason = "stop"
	}
	read := 0
	for _, m := range q.Messages {
		read += len(m.Content) / 4
	}
	return fields{
		"model": q.Model, "created_at": time.Date(2026, 1, 1, 0, 1, 0, 0, time.UTC), "message": message{Role: "assistant"}, "done": true, "done_reason": reason,
		"total_duration": 5, "load_duration": 1, "prompt_eval_count": read, "prompt_eval_duration": 2, "eval_count": len(a.Text)/4 + 1, "eval_duration": 2,
	}
}

// send writes one line, and reports whether the client is still there.
func send(w http.ResponseWriter, value any) bool {
	var text bytes.Buffer
	_ = json.NewEncoder(&text).Encode(value) // texts and numbers
	_, err := w.Write(text.Bytes())
	_ = http.NewResponseController(w).Flush()
	return err == nil
}
