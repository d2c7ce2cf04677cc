package bedrocktest

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"net/http"
)

// Reply is the answer to one request.
type Reply struct {
	Blocks []Output
	// Stop is the reason to stop; end_turn, or tool_use after a call, when empty.
	Stop string
	// Status refuses the request with Kind and Message; without a status, Kind fails in the stream, after the blocks.
	Status        int
	Kind, Message string
	// Cut breaks the connection off after the blocks, and Hold keeps it open there until the client goes.
	Cut, Hold bool
}

// Output is a block of an answer, in pieces: text, thinking with its signature, what is hidden of it, or a call.
type Output struct {
	Text, Thinking []string
	Signature      string
	Redacted       []byte
	ID, Name       string
	Input          []string
}

// Says answers with a text, in these pieces.
func Says(pieces ...string) Reply { return Reply{Blocks: []Output{{Text: pieces}}} }

func (a *Reply) write(w http.ResponseWriter, r *http.Request) {
	if a.Status > 0 {
		refuse(w, a.Status, a.Kind, a.Message)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	send := func(kind, name string, value any) {
		text, _ := json.Marshal(value)           // texts, numbers and bytes
		_, _ = w.Write(Packet(kind, name, text)) // a client that has gone is noticed below
		_ = http.NewResponseController(w).Flush()
	}
	event := func(name string, value map[string]any) { send("event", name, value) }
	event("messageStart", map[string]any{"role": "assistant"})
	stop := "end_turn"
	for n, b := range a.Blocks {
		if b.Name != "" {
			stop = "tool_use"
			event("contentBlockStart", map[string]any{"contentBlockIndex": n, "start": map[string]any{"toolUse": map[string]any{"toolUseId": b.ID, "name": b.Name}}})
		}
		for _, delta := range b.deltas() {
			event("contentBlockDelta", map[string]any{"contentBlockIndex": n, "delta": delta})
		}
		event("contentBlockStop", map[string]any{"contentBlockIndex": n})
	}
	if a.Hold {
		<-r.Context().Done()
	}
	if a.Cut {
		panic(http.ErrAbortHandler)
	}
	if a.Kind != "" {
		send("exception", a.Kind, map[string]any{"message": a.Message})
		return
	}
	if a.Stop != "" {
		stop = a.Stop
	}
	event("messageStop", map[string]any{"stopReason": stop})
	event("metadata", map[string]any{"metrics": map[string]any{"latencyMs": 5}, "usage": map[string]any{
		"inputTokens": 20, "outputTokens": 30, "totalTokens": 130, "cacheReadInputTokens": 70, "cacheWriteInputTokens": 10}})
}

// deltas are the pieces of a block.
func (b *Output) deltas() (list []map[string]any) {
	for _, text := range b.Text {
		list = append(list, map[string]any{"text": text})
	}
	reasoning := func(field string, value any) {
		list = append(list, map[string]any{"reasoningContent": map[string]any{field: value}})
	}
	for _, text := range b.Thinking {
		reasoning("text", text)
	}
	if b.Signature != "" {
		reasoning("signature", b.Signature)
	}
	if b.Redacted != nil {
		reasoning("redactedContent", b.Redacted)
	}
	for _, input := range b.Input {
		list = append(list, map[string]any{"toolUse": map[string]any{"input": input}})
	}
	return list
}

// Packet is a message of an event stream: an event or an exception of this name.
func Packet(kind, name string, payload []byte) []byte {
	var headers []byte
	header := func(name, value string) {
		headers = append(append(append(headers, byte(len(name))), name...), 7)
		headers = append(binary.BigEndian.AppendUint16(headers, uint16(len(value))), value...)
	}
	header(":"+kind+"-type", name)
	header(":content-type", "application/json")
	header(":message-type", kind)
	out := binary.BigEndian.AppendUint32(nil, uint32(12+len(headers)+len(payload)+4))
	out = binary.BigEndian.AppendUint32(out, uint32(len(headers)))
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
	out = append(append(out, headers...), payload...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}
