package openaitest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// Reply is the answer to one request.
type Reply struct {
	Output []Output
	// Incomplete is why the answer ends before it is whole: max_output_tokens or content_filter.
	Incomplete string
	// Status refuses the request, and Failed fails in the stream, after the output; with Code and Message.
	Status        int
	Failed        bool
	Code, Message string
	Header        http.Header
	// Cut breaks the connection off after the output, and Hold keeps it open there until the client goes.
	Cut, Hold bool
}

// Output is an item of an answer, in pieces.
type Output struct {
	// Text is said, in this phase; as a refusal if Refusal.
	Text    []string
	Phase   string
	Refusal bool
	// Summary is thought, and Encrypted what it stands for.
	Summary   []string
	Encrypted string
	// CallID and Name are a call's, with Arguments in pieces.
	CallID, Name string
	Arguments    []string
	// Picture is one that the model makes, of this content. It has to be asked for.
	Picture []byte
}

// Says answers with a text, in these pieces.
func Says(pieces ...string) Reply { return Reply{Output: []Output{{Text: pieces}}} }

// writer writes one answer's events.
type writer struct {
	send     func(map[string]any)
	sequence int
}

func (w *writer) event(kind string, fields map[string]any) {
	e := map[string]any{"type": kind, "sequence_number": w.sequence}
	maps.Copy(e, fields)
	w.sequence++
	w.send(e)
}

func (a *Reply) write(w http.ResponseWriter, r *http.Request, s *Server, asked *Asked) {
	maps.Copy(w.Header(), a.Header)
	if a.Status > 0 {
		refuse(w, a.Status, "server_error", a.Code, a.Message)
		return
	}
	if slices.ContainsFunc(a.Output, func(o Output) bool { return o.Picture != nil }) && !asked.pictures() {
		refuse(w, http.StatusInternalServerError, "server_error", "", "The script has a picture, and none was asked for.")
		return
	}
	var items []any
	if !asked.Stream {
		silent := &writer{send: func(map[string]any) {}}
		for n, out := range a.Output {
			items = append(items, out.write(silent, s, n))
		}
		writeJSON(w, http.StatusOK, a.response(asked, items))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	events := &writer{send: func(e map[string]any) {
		text, _ := json.Marshal(e) // texts and numbers
		_, _ = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", e["type"], text)
		_ = http.NewResponseController(w).Flush()
	}}
	begun := Reply{}
	first := begun.response(asked, []any{})
	first["status"], first["usage"] = "in_progress", nil
	events.event("response.created", map[string]any{"response": first})
	events.event("response.in_progress", map[string]any{"response": first})
	for n, out := range a.Output {
		items = append(items, out.write(events, s, n))
	}
	if a.Hold {
		<-r.Context().Done()
	}
	if a.Cut {
		panic(http.ErrAbortHandler)
	}
	last := a.response(asked, items)
	events.event("response."+last["status"].(string), map[string]any{"response": last})
}

// response is the response as it is at its end: of 100 tokens that were asked 80 came from the cache, and 30 were written,
// of which 20 are reasoning.
func (a *Reply) response(asked *Asked, items []any) map[string]any {
	r := map[string]any{
		"id": "resp_1", "object": "response", "created_at": 1, "model": asked.Model, "status": "completed", "output": items, "error": nil,
		"incomplete_details": nil, "instructions": asked.Instructions, "parallel_tool_calls": true, "store": false, "tool_choice": "auto", "tools": []any{},
		"usage": map[string]any{
			"input_tokens": 100, "input_tokens_details": map[string]any{"cached_tokens": 80},
			"output_tokens": 30, "output_tokens_details": map[string]any{"reasoning_tokens": 20}, "total_tokens": 130,
		},
	}
	switch {
	case a.Failed:
		r["status"], r["error"] = "failed", map[string]any{"code": a.Code, "message": a.Message}
	case a.Incomplete != "":
		r["status"], r["incomplete_details"] = "incomplete", map[string]any{"reason": a.Incomplete}
	}
	return r
}

// write writes an item's events, and returns it as it is in the end.
func (o *Output) write(w *writer, s *Server, index int) map[string]any {
	switch {
	case o.Picture != nil:
		return o.picture(w, index)
	case o.Name != "":
		return o.call(w, index)
	case o.Encrypted != "" || o.Summary != nil:
		return o.reasoning(w, s, index)
	}
	return o.message(w, index)
}

func (o *Output) message(w *writer, index int) map[string]any {
	id, kind, field := fmt.Sprint("msg_", index), "output_text", "text"
	if o.Refusal {
		kind, field = "refusal", "refusal"
	}
	item := map[string]any{"id": id, "type": "message", "role": "assistant", "status": "in_progress", "content": []any{}}
	if o.Phase != "" {
		item["phase"] = o.Phase
	}
	w.event("response.output_item.added", map[string]any{"output_index": index, "item": item})
	at := map[string]any{"item_id": id, "output_index": index, "content_index": 0}
	with := func(more map[string]any) map[string]any {
		all := maps.Clone(at)
		maps.Copy(all, more)
		return all
	}
	part := func(text string) map[string]any {
		p := map[string]any{"type": kind, field: text}
		if !o.Refusal {
			p["annotations"] = []any{}
		}
		return p
	}
	w.event("response.content_part.added", with(map[string]any{"part": part("")}))
	whole := ""
	for _, piece := range o.Text {
		whole += piece
		w.event("response."+kind+".delta", with(map[string]any{"delta": piece}))
	}
	w.event("response."+kind+".done", with(map[string]any{field: whole}))
	w.event("response.content_part.done", with(map[string]any{"part": part(whole)}))
	done := maps.Clone(item)
	done["status"], done["content"] = "completed", []any{part(whole)}
	w.event("response.output_item.done", map[string]any{"output_index": index, "item": done})
	return done
}

func (o *Output) reasoning(w *writer, s *Server, index int) map[string]any {
	id := fmt.Sprintf("rs_%d_%s", index, o.Encrypted[:min(8, len(o.Encrypted))])
	item := map[string]any{"id": id, "type": "reasoning", "summary": []any{}}
	w.event("response.output_item.added", map[string]any{"output_index": index, "item": item})
	summary := []any{}
	for n, text := range o.Summary {
		part := map[string]any{"type": "summary_text", "text": text}
		at := map[string]any{"item_id": id, "output_index": index, "summary_index": n}
		for _, e := range []map[string]any{
			{"type": "response.reasoning_summary_part.added", "part": map[string]any{"type": "summary_text", "text": ""}},
			{"type": "response.reasoning_summary_text.delta", "delta": text},
			{"type": "response.reasoning_summary_text.done", "text": text},
			{"type": "response.reasoning_summary_part.done", "part": part},
		} {
			maps.Copy(e, at)
			w.event(e["type"].(string), e)
		}
		summary = append(summary, part)
	}
	done := map[string]any{"id": id, "type": "reasoning", "summary": summary, "encrypted_content": o.Encrypted}
	s.note(done)
	w.event("response.output_item.done", map[string]any{"output_index": index, "item": done})
	return done
}

func (o *Output) picture(w *writer, index int) map[string]any {
	id := fmt.Sprint("ig_", index)
	item := map[string]any{"id": id, "type": "image_generation_call", "status": "in_progress", "result": nil}
	w.event("response.output_item.added", map[string]any{"output_index": index, "item": item})
	for _, phase := range []string{"in_progress", "generating", "completed"} {
		w.event("response.image_generation_call."+phase, map[string]any{"item_id": id, "output_index": index})
	}
	done := map[string]any{
		"id": id, "type": "image_generation_call", "status": "completed", "action": "generate", "background": "opaque", "output_format": "png",
		"quality": "high", "size": "1024x1024", "revised_prompt": "what was asked for", "result": base64.StdEncoding.EncodeToString(o.Picture),
	}
	w.event("response.output_item.done", map[string]any{"output_index": index, "item": done})
	return done
}

func (o *Output) call(w *writer, index int) map[string]any {
	id := fmt.Sprint("fc_", index)
	item := map[string]any{"id": id, "type": "function_call", "status": "in_progress", "call_id": o.CallID, "name": o.Name, "arguments": ""}
	w.event("response.output_item.added", map[string]any{"output_index": index, "item": item})
	whole := ""
	for _, piece := range o.Arguments {
		whole += piece
		w.event("response.function_call_arguments.delta", map[string]any{"item_id": id, "output_index": index, "delta": piece})
	}
	w.event("response.function_call_arguments.done", map[string]any{"item_id": id, "output_index": index, "name": o.Name, "arguments": whole})
	done := maps.Clone(item)
	done["status"], done["arguments"] = "completed", whole
	w.event("response.output_item.done", map[string]any{"output_index": index, "item": done})
	return done
}
