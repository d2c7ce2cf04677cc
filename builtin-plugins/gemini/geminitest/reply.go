package geminitest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Reply is the answer to one request.
type Reply struct {
	// Events are GenerateContentResponses, one each.
	Events []json.RawMessage
	// Failure is an error instead, with the status that it names.
	Failure *Failure
	// Cut breaks the connection off after the events, and Hold keeps it open there until the client goes.
	Cut, Hold bool
}

// Failure is an error in Google's form.
type Failure struct {
	Code    int
	Status  string
	Message string
	Details []any
	Header  http.Header
}

// Says answers with a text, in these pieces.
func Says(pieces ...string) Reply {
	var chunks [][]Part
	for _, piece := range pieces {
		chunks = append(chunks, []Part{Text(piece)})
	}
	return Streams("STOP", chunks...)
}

// Streams answers with parts, as many at a time as stand together, and a reason to stop with the last ones. The counts are
// of 100 tokens that were asked, of which 80 came from the cache, 20 that were thought, and 10 for each event.
func Streams(reason string, chunks ...[]Part) Reply {
	var r Reply
	for i, parts := range chunks {
		candidate := map[string]any{"content": Content{Role: "model", Parts: parts}, "index": 0}
		if i == len(chunks)-1 && reason != "" {
			candidate["finishReason"] = reason
		}
		r.Events = append(r.Events, event(map[string]any{
			"candidates": []any{candidate},
			"usageMetadata": map[string]any{
				"promptTokenCount": 100, "cachedContentTokenCount": 80, "thoughtsTokenCount": 20,
				"candidatesTokenCount": 10 * (i + 1), "totalTokenCount": 120 + 10*(i+1),
			},
			"modelVersion": "geminitest", "responseId": "response-1",
		}))
	}
	return r
}

// Stops is an answer without words, for this reason and with this message.
func Stops(reason, message string) Reply {
	return Reply{Events: []json.RawMessage{event(map[string]any{
		"candidates": []any{map[string]any{"finishReason": reason, "finishMessage": message, "index": 0}},
	})}}
}

// Blocks stops the request itself.
func Blocks(reason string) Reply {
	return Reply{Events: []json.RawMessage{event(map[string]any{
		"promptFeedback": map[string]any{"blockReason": reason}, "usageMetadata": map[string]any{"promptTokenCount": 7, "totalTokenCount": 7},
	})}}
}

// Busy refuses since too much was asked: by the quota with this id, for so many seconds.
func Busy(quota string, seconds float64) Reply {
	return Reply{Failure: &Failure{Code: 429, Status: "RESOURCE_EXHAUSTED", Message: "You exceeded your current quota, please check your plan and billing details.", Details: []any{
		map[string]any{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []any{map[string]any{
			"quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests", "quotaId": quota, "quotaValue": "10",
		}}},
		map[string]any{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": fmt.Sprintf("%gs", seconds)},
	}}}
}

// Fails refuses with a status.
func Fails(code int, status, message string) Reply {
	return Reply{Failure: &Failure{Code: code, Status: status, Message: message}}
}

// Text is a part of text.
func Text(text string) Part { return Part{Text: &text} }

// Thought is a part of thinking.
func Thought(text string) Part { return Part{Text: &text, Thought: true} }

// Call is a part that calls a function; without an id, as models before Gemini 3 do, where id is empty.
func Call(id, name, args string) Part {
	return Part{FunctionCall: &FunctionCall{ID: id, Name: name, Args: json.RawMessage(args)}}
}

// Picture is a part that is a picture.
func Picture(mime string, content []byte) Part {
	return Part{InlineData: &Blob{MimeType: mime, Data: content}}
}

// Signed is a part with a signature, which is to be base64.
func Signed(p Part, signature string) Part {
	p.ThoughtSignature = signature
	return p
}

func event(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // a test wrote arguments that are no JSON
	}
	return text
}

// generate answers a request by the script.
func (s *Server) generate(w http.ResponseWriter, r *http.Request, m Model, method string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	request := Request{Model: strings.TrimPrefix(m.Name, "models/"), Body: body}
	problem := strictly(body, &request.Parsed)
	if problem == nil {
		problem = s.validate(m, &request.Parsed)
	}
	if problem != nil {
		problem.write(w)
		return
	}
	reply := s.next(request)
	switch {
	case reply.Failure != nil:
		for name, values := range reply.Failure.Header {
			w.Header()[name] = values
		}
		f := reply.Failure
		(&apiError{Code: f.Code, Status: f.Status, Message: f.Message, Details: f.Details}).write(w)
	case method == "generateContent":
		writeJSON(w, http.StatusOK, reply.whole())
	case r.URL.Query().Get("alt") == "sse":
		reply.stream(w, r, "text/event-stream", func(_ int, e json.RawMessage) string { return "data: " + string(e) + "\r\n\r\n" }, "")
	default:
		reply.stream(w, r, "application/json; charset=UTF-8", func(i int, e json.RawMessage) string {
			return map[bool]string{true: "[", false: ",\r\n"}[i == 0] + string(e)
		}, "]")
	}
}

// next notes a request and takes the reply to it.
func (s *Server) next(request Request) Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request)
	close(s.changed)
	s.changed = make(chan struct{})
	if len(s.script) == 0 {
		return Fails(500, "INTERNAL", "An internal error has occurred: the script has ended.")
	}
	reply := s.script[0]
	s.script = s.script[1:]
	for _, e := range reply.Events {
		for _, p := range parts(e) {
			if p.ThoughtSignature != "" {
				s.issued[p.ThoughtSignature] = identity(p)
			}
		}
	}
	return reply
}

// parts are those of an event.
func parts(e json.RawMessage) (list []Part) {
	var read struct{ Candidates []struct{ Content Content } }
	_ = json.Unmarshal(e, &read) // an event that is something else has none
	for _, c := range read.Candidates {
		list = append(list, c.Content.Parts...)
	}
	return list
}

// stream writes the events as they come.
func (a *Reply) stream(w http.ResponseWriter, r *http.Request, contentType string, write func(int, json.RawMessage) string, end string) {
	w.Header().Set("Content-Type", contentType)
	flush := func() { _ = http.NewResponseController(w).Flush() }
	flush()
	for i, e := range a.Events {
		_, _ = io.WriteString(w, write(i, e)) // a client that has gone is noticed below
		flush()
	}
	if a.Hold {
		<-r.Context().Done()
	}
	if a.Cut {
		panic(http.ErrAbortHandler)
	}
	_, _ = io.WriteString(w, end)
}

// whole is the reply in one response.
func (a *Reply) whole() map[string]any {
	last := map[string]any{}
	var all []Part
	for _, e := range a.Events {
		all = append(all, parts(e)...)
		_ = json.Unmarshal(e, &last) // it was JSON before
	}
	if list, ok := last["candidates"].([]any); ok && len(list) > 0 {
		if candidate, ok := list[0].(map[string]any); ok {
			candidate["content"] = Content{Role: "model", Parts: all}
		}
	}
	return last
}
