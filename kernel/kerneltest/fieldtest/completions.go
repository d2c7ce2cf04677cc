package fieldtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// Response is what a server of chat completions answers to one request.
type Response struct {
	// Status is 200 when 0. In Headers, {{httpdate 4}} is the HTTP date in 4 seconds.
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	// SSE are events: an object with delta or finish is such a chunk, any other one the event's data, a text lines
	// that are sent as they are.
	SSE []json.RawMessage `json:"sse"`
	// Body is sent instead; a text as it is.
	Body json.RawMessage `json:"body"`
	// Text and Calls are an ordinary answer and ordinary tool calls.
	Text  string `json:"text"`
	Calls []struct {
		ID        string `json:"id"`
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"calls"`
	// DelayMs passes before the head, GapMs between events. Split writes pieces of so many bytes.
	DelayMs int `json:"delayMs"`
	GapMs   int `json:"gapMs"`
	Split   int `json:"split"`
	// CutAfter breaks the connection off at the end; Hang stays open there.
	CutAfter bool `json:"cutAfter"`
	Hang     bool `json:"hang"`
}

// Request is one that the server got.
type Request struct {
	Body []byte
	// Began is when it came, and Ended when its response had been written, zero before.
	Began, Ended time.Time
}

// Completions is a server of chat completions that plays responses, and 400 after the last one.
type Completions struct {
	reply     string
	responses []Response

	mu       sync.Mutex
	requests []Request
}

// NewCompletions returns the server of a case.
func NewCompletions(c *Case) *Completions {
	return &Completions{reply: c.Reply, responses: c.Responses}
}

// Requests returns what it got so far.
func (s *Completions) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// note changes the requests.
func (s *Completions) note(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// ServeHTTP implements http.Handler.
func (s *Completions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.NotFound(w, r) // there is no list of models
		return
	}
	body, _ := io.ReadAll(r.Body) // half a request is one as well
	n := 0
	s.note(func() {
		n = len(s.requests)
		s.requests = append(s.requests, Request{Body: body, Began: time.Now()})
	})
	defer s.note(func() { s.requests[n].Ended = time.Now() })
	response := Response{Text: s.reply}
	switch {
	case n < len(s.responses):
		response = s.responses[n]
	case s.reply == "":
		http.Error(w, `{"error":{"message":"there is no answer left"}}`, http.StatusBadRequest)
		return
	}
	response.write(w, r)
}

func (a *Response) write(w http.ResponseWriter, r *http.Request) {
	if !wait(r, a.DelayMs) {
		return
	}
	pieces, kind := a.pieces()
	w.Header().Set("Content-Type", kind)
	for name, value := range a.Headers {
		w.Header().Set(name, dated(value))
	}
	w.WriteHeader(max(a.Status, http.StatusOK))
	flush := func() { _ = http.NewResponseController(w).Flush() }
	flush()
	for i, piece := range pieces {
		if i > 0 && !wait(r, a.GapMs) {
			return
		}
		for len(piece) > 0 {
			n := len(piece)
			if a.Split > 0 {
				n = min(n, a.Split)
			}
			_, _ = io.WriteString(w, piece[:n]) // a client that has gone is noticed by the next wait
			flush()
			piece = piece[n:]
		}
	}
	if a.Hang {
		<-r.Context().Done()
	}
	if a.CutAfter {
		panic(http.ErrAbortHandler)
	}
}

// wait reports whether the client is still there after so many milliseconds.
func wait(r *http.Request, ms int) bool {
	if ms == 0 {
		return r.Context().Err() == nil
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return true
	case <-r.Context().Done():
		return false
	}
}

// pieces are the body's: events, or one.
func (a *Response) pieces() (pieces []string, contentType string) {
	var text string
	switch {
	case json.Unmarshal(a.Body, &text) == nil:
		return []string{text}, "text/plain"
	case a.Body != nil:
		return []string{string(a.Body)}, "application/json"
	}
	events := a.SSE
	if events == nil {
		events = a.ordinary()
	}
	for _, e := range events {
		pieces = append(pieces, line(e)+"\n\n")
	}
	return pieces, "text/event-stream"
}

// ordinary are the events of Text and Calls.
func (a *Response) ordinary() []json.RawMessage {
	delta, finish := map[string]any{}, "stop"
	if a.Text != "" {
		delta["content"] = a.Text
	}
	var calls []any
	for i, c := range a.Calls {
		finish = "tool_calls"
		calls = append(calls, map[string]any{"index": i, "id": c.ID, "type": "function",
			"function": map[string]any{"name": c.Name, "arguments": c.Arguments}})
	}
	if calls != nil {
		delta["tool_calls"] = calls
	}
	first, _ := json.Marshal(map[string]any{"delta": delta}) // texts and numbers only
	last, _ := json.Marshal(map[string]any{"delta": map[string]any{}, "finish": finish})
	return []json.RawMessage{first, last, json.RawMessage(`"data: [DONE]"`)}
}

// line writes an event. What is JSON stays as it stands in the file, with half surrogates and all.
func line(e json.RawMessage) string {
	var text string
	if json.Unmarshal(e, &text) == nil {
		return text
	}
	var chunk struct{ Delta, Finish json.RawMessage }
	if json.Unmarshal(e, &chunk) == nil && (chunk.Delta != nil || chunk.Finish != nil) {
		if chunk.Delta == nil {
			chunk.Delta = json.RawMessage("{}")
		}
		if chunk.Finish == nil {
			chunk.Finish = json.RawMessage("null")
		}
		return fmt.Sprintf(`data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}`, oneLine(chunk.Delta), chunk.Finish)
	}
	return "data: " + oneLine(e)
}

var breaks = regexp.MustCompile(`\n\s*`)

// oneLine takes the line breaks of the file out, which are never inside of a JSON text.
func oneLine(value json.RawMessage) string { return breaks.ReplaceAllString(string(value), "") }

var date = regexp.MustCompile(`\{\{httpdate (-?\d+)\}\}`)

func dated(value string) string {
	return date.ReplaceAllStringFunc(value, func(found string) string {
		seconds, err := strconv.Atoi(date.FindStringSubmatch(found)[1])
		if err != nil {
			return found
		}
		return time.Now().Add(time.Duration(seconds) * time.Second).UTC().Format(http.TimeFormat)
	})
}
