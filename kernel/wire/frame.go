package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a frame that hold before its content is looked at.
const (
	// MaxDepth is how deep arrays and objects may nest.
	MaxDepth = 32
	// MaxID is the longest id of a request, in bytes.
	MaxID = 256
	// MaxMethod is the longest method name, in bytes.
	MaxMethod = 128
)

// RequestFrame is what a client sends: one call of a method.
type RequestFrame struct {
	Type string `json:"type" rpc:"required,enum=req"`
	// ID is the client's choice and comes back in the response: at most 256 bytes, not blank, and not that of
	// a request that is not answered yet.
	ID string `json:"id" rpc:"required,min=1,max=256"`
	// Method is the method's name, at most 128 bytes.
	Method string `json:"method" rpc:"required,min=1,max=128"`
	// Params is an object; a method without parameters needs none.
	Params any `json:"params,omitempty"`
}

// ResponseFrame answers a request: with a payload when ok is true, with an error when it is not. A method
// that answers in two phases sends two of them.
type ResponseFrame struct {
	Type string `json:"type" rpc:"enum=res"`
	// ID is the request's.
	ID string `json:"id"`
	OK bool   `json:"ok"`
	// Payload is the method's result.
	Payload json.RawMessage `json:"payload,omitempty"`
	Error   *Error          `json:"error,omitempty"`
}

// EventFrame is news that nobody asked for.
type EventFrame struct {
	Type string `json:"type" rpc:"enum=event"`
	// Event is the event's name.
	Event   string          `json:"event"`
	Payload json.RawMessage `json:"payload,omitempty"`
	// Seq counts the events of the connection from 1, after hello-ok: a gap says that the client was too slow
	// for some that may be missed.
	Seq uint64 `json:"seq,omitempty"`
	// StateVersion comes with presence and health.
	StateVersion *StateVersion `json:"stateVersion,omitempty"`
}

// Request is a client's frame as it was read. Params is valid JSON or nil, and part of the frame.
type Request struct {
	ID     string
	Method string
	Params json.RawMessage
}

// DecodeRequest reads a frame of a client. A Request whose ID is set beside an error is one that can
// be answered with that error; without an ID the connection has to be closed.
//
// Errors: CodeTooLarge for nesting beyond MaxDepth; CodeInvalid for everything else.
func DecodeRequest(frame []byte) (Request, error) {
	if !shallow(frame) {
		return Request{}, wit.Errorf(wit.CodeTooLarge, "JSON nesting depth exceeds maximum allowed depth of %d", MaxDepth)
	}
	var f fields
	if !f.read(frame) {
		return Request{}, wit.NewError(wit.CodeInvalid, "invalid request frame: not a JSON object")
	}
	r := Request{ID: text(f.ID), Params: f.Params}
	switch {
	case len(r.ID) > MaxID:
		return r, wit.Errorf(wit.CodeInvalid, "invalid request frame: at /id: must NOT have more than %d characters", MaxID)
	case strings.TrimSpace(r.ID) == "":
		return Request{}, wit.NewError(wit.CodeInvalid, "invalid request frame: at /id: must be a string that is not blank")
	case text(f.Type) != "req":
		return r, wit.NewError(wit.CodeInvalid, "invalid request frame: at /type: must be 'req'")
	}
	r.Method = text(f.Method)
	if strings.TrimSpace(r.Method) == "" || len(r.Method) > MaxMethod {
		return r, wit.Errorf(wit.CodeInvalid, "invalid request frame: at /method: must be a string of 1 to %d characters", MaxMethod)
	}
	return r, nil
}

// RequestID returns the id of a request of whose frame only the beginning is there, or "" if it is not in it.
func RequestID(beginning []byte) string {
	d := json.NewDecoder(bytes.NewReader(beginning))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return ""
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return ""
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return ""
		}
		if id := text(value); name == "id" && len(id) <= MaxID {
			return id
		}
	}
	return ""
}

// text is a JSON string's value, or "" for what is not a string.
func text(raw json.RawMessage) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 && ascii(inner) {
		return string(inner)
	}
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// shallow reports whether nothing nests deeper than MaxDepth. It does not check the grammar.
func shallow(b []byte) bool {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth > MaxDepth {
				return false
			}
		case '}', ']':
			depth--
		}
	}
	return true
}

// AppendResultHead appends a successful response as far as its payload, which the caller appends, and a '}' after it.
func AppendResultHead(dst []byte, id string) []byte {
	dst = append(dst, `{"type":"res","id":`...)
	dst = appendString(dst, id)
	return append(dst, `,"ok":true,"payload":`...)
}

// AppendFailure appends a failed response.
func AppendFailure(dst []byte, id string, e *Error) []byte {
	dst = append(dst, `{"type":"res","id":`...)
	dst = appendString(dst, id)
	dst = append(dst, `,"ok":false,"error":`...)
	b, err := json.Marshal(e)
	if err != nil { // details that are no JSON
		b, _ = json.Marshal(&Error{Code: e.Code, Message: e.Message, Retryable: e.Retryable, RetryAfterMs: e.RetryAfterMs})
	}
	return append(append(dst, b...), '}')
}

// AppendEvent appends an event without its end, so that one copy serves every connection: AppendSeq
// completes it.
func AppendEvent(dst []byte, name string, payload json.RawMessage, version *StateVersion) []byte {
	dst = append(dst, `{"type":"event","event":`...)
	dst = appendString(dst, name)
	if len(payload) > 0 {
		dst = append(append(dst, `,"payload":`...), payload...)
	}
	if version != nil {
		dst = append(dst, `,"stateVersion":{"presence":`...)
		dst = strconv.AppendUint(dst, version.Presence, 10)
		dst = append(dst, `,"health":`...)
		dst = append(strconv.AppendUint(dst, version.Health, 10), '}')
	}
	return dst
}

// AppendSeq completes an event of AppendEvent. A seq of 0 is left out.
func AppendSeq(dst []byte, seq uint64) []byte {
	if seq > 0 {
		dst = strconv.AppendUint(append(dst, `,"seq":`...), seq, 10)
	}
	return append(dst, '}')
}

func appendString(dst []byte, s string) []byte {
	if simple(s) {
		return append(append(append(dst, '"'), s...), '"')
	}
	b, _ := json.Marshal(s) // a string always has an encoding
	return append(dst, b...)
}

// simple reports whether a text is its own JSON, between quotes. Ids and names of methods and events nearly always are.
func simple(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, c) >= 0 {
			return false
		}
	}
	return true
}
