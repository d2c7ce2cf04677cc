package anthropictest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
	"unicode/utf8"
)

// Answer is what one request is answered with.
type Answer struct {
	Blocks []Block
	// Stop is the reason to stop: end_turn, or tool_use where there are calls, when empty. Refusal explains the reason refusal.
	Stop, Refusal string
	// Piece is how many bytes of a text an event has, 8 when 0; characters stay whole.
	Piece int
	// Gap passes between two events.
	Gap time.Duration
	// Status refuses the request, with a type of error, its message and headers.
	Status        int
	Kind, Message string
	Header        map[string]string
	// After says after how many events it breaks: with an error event of Kind, or Cut, or Hang until the client goes.
	After     int
	Cut, Hang bool
	// Raw is written in place of events.
	Raw string
}

// Block is one block of an answer. Make it with Text, Thinking, Redacted or Call.
type Block struct {
	kind, text, id string
	input          json.RawMessage
}

// Text is a text.
func Text(text string) Block { return Block{kind: "text", text: text} }

// Thinking is thinking, which the server signs.
func Thinking(text string) Block { return Block{kind: "thinking", text: text} }

// Redacted is thinking that may not be read.
func Redacted(data string) Block { return Block{kind: "redacted_thinking", text: data} }

// Call is a call of a tool. The input is sent as it is written, also if it is no JSON.
func Call(id, name, input string) Block {
	return Block{kind: "tool_use", id: id, text: name, input: json.RawMessage(input)}
}

// refuse is the answer of a fault.
func (a *Answer) refuse(w http.ResponseWriter, _ *http.Request) {
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	(&apiError{a.Status, a.Kind, a.Message}).write(w)
}

// play answers a request, as a stream or not.
func (a Answer) play(q *request, m *Model, u used) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for name, value := range a.Header {
			w.Header().Set(name, value)
		}
		if !q.Stream {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(a.whole(q, m, u))
			return
		}
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		out := &stream{w: w, r: r, answer: &a}
		if a.Raw != "" {
			_, _ = io.WriteString(w, a.Raw)
			out.flush()
			return
		}
		for _, e := range a.events(q, m, u) {
			if !out.send(e) {
				return
			}
		}
	}
}

type fields = map[string]any

func (u used) fields(output int) fields {
	return fields{"input_tokens": u.input, "cache_read_input_tokens": u.read, "cache_creation_input_tokens": u.written, "output_tokens": output}
}

// events are those of the whole answer.
func (a *Answer) events(q *request, m *Model, u used) (list []fields) {
	start := a.message(m, []any{}, nil, u.fields(1))
	list = append(list, fields{"type": "message_start", "message": start}, fields{"type": "ping"})
	for i, b := range a.Blocks {
		list = append(list, b.events(i, q, max(a.Piece, 0))...)
	}
	return append(list,
		fields{"type": "message_delta", "delta": fields{"stop_reason": a.stop(), "stop_sequence": nil, "stop_details": a.details()}, "usage": u.fields(a.tokens())},
		fields{"type": "message_stop"})
}

func (a *Answer) message(m *Model, blocks []any, stop any, usage fields) fields {
	return fields{"id": "msg_1", "type": "message", "role": "assistant", "model": m.ID, "content": blocks, "stop_reason": stop, "stop_sequence": nil, "usage": usage}
}

// whole is the answer that is no stream.
func (a *Answer) whole(q *request, m *Model, u used) fields {
	blocks := []any{}
	for _, b := range a.Blocks {
		blocks = append(blocks, b.whole(q))
	}
	message := a.message(m, blocks, a.stop(), u.fields(a.tokens()))
	message["stop_details"] = a.details()
	return message
}

func (a *Answer) stop() string {
	switch {
	case a.Stop != "":
		return a.Stop
	case a.Refusal != "":
		return "refusal"
	}
	for _, b := range a.Blocks {
		if b.kind == "tool_use" {
			return "tool_use"
		}
	}
	return "end_turn"
}

func (a *Answer) details() any {
	if a.Refusal == "" {
		return nil
	}
	return fields{"type": "refusal", "category": "general_harms", "explanation": a.Refusal}
}

func (a *Answer) tokens() (n int) {
	for _, b := range a.Blocks {
		n += (len(b.text) + len(b.input)) / 4
	}
	return max(n, 1)
}

// whole is a block as it is in an answer that is no stream.
func (b *Block) whole(q *request) fields {
	switch b.kind {
	case "text":
		return fields{"type": "text", "text": b.text}
	case "thinking":
		return fields{"type": "thinking", "thinking": b.text, "signature": q.sign(b.text)}
	case "redacted_thinking":
		return fields{"type": b.kind, "data": b.text}
	}
	return fields{"type": b.kind, "id": b.id, "name": b.text, "input": b.input}
}

// events are those of one block.
func (b *Block) events(index int, q *request, piece int) (list []fields) {
	begin := b.whole(q)
	delta := func(d fields) { list = append(list, fields{"type": "content_block_delta", "index": index, "delta": d}) }
	switch b.kind {
	case "text":
		begin["text"] = ""
	case "thinking":
		begin["thinking"], begin["signature"] = "", ""
	case "tool_use":
		begin["input"] = fields{}
	}
	list = append(list, fields{"type": "content_block_start", "index": index, "content_block": begin})
	switch b.kind {
	case "text":
		for _, text := range pieces(b.text, piece) {
			delta(fields{"type": "text_delta", "text": text})
		}
	case "thinking":
		for _, text := range pieces(b.text, piece) {
			delta(fields{"type": "thinking_delta", "thinking": text})
		}
		delta(fields{"type": "signature_delta", "signature": q.sign(b.text)})
	case "tool_use":
		delta(fields{"type": "input_json_delta", "partial_json": ""})
		for _, text := range pieces(string(b.input), piece) {
			delta(fields{"type": "input_json_delta", "partial_json": text})
		}
	}
	return append(list, fields{"type": "content_block_stop", "index": index})
}

// pieces cuts a text between characters.
func pieces(text string, size int) (list []string) {
	if size <= 0 {
		size = 8
	}
	for text != "" {
		n := min(size, len(text))
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n++
		}
		list, text = append(list, text[:n]), text[n:]
	}
	return list
}

// stream writes events.
type stream struct {
	w      http.ResponseWriter
	r      *http.Request
	answer *Answer
	sent   int
}

func (s *stream) flush() { _ = http.NewResponseController(s.w).Flush() }

// send writes one event, and reports whether another one is to follow.
func (s *stream) send(e fields) bool {
	a := s.answer
	if s.sent++; a.After > 0 && s.sent > a.After {
		switch {
		case a.Hang:
			<-s.r.Context().Done()
		case a.Cut:
			panic(http.ErrAbortHandler)
		default:
			fmt.Fprintf(s.w, "event: error\ndata: %s\n\n", (&apiError{0, a.Kind, a.Message}).body())
			s.flush()
		}
		return false
	}
	if a.Gap > 0 && s.sent > 1 {
		select {
		case <-time.After(a.Gap):
		case <-s.r.Context().Done():
			return false
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // as the API does
	_ = encoder.Encode(e)        // texts and numbers
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n", e["type"], text.Bytes()); err != nil {
		return false
	}
	s.flush()
	return true
}
