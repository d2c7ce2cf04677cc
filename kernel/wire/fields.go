package wire

import (
	"encoding/json"

	"github.com/carapace-gateway/carapace/wit/codec"
)

// fields are those of a client's frame, each as it was written.
type fields struct {
	Type   json.RawMessage `json:"type"`
	ID     json.RawMessage `json:"id"`
	Method json.RawMessage `json:"method"`
	Params json.RawMessage `json:"params"`
}

// read reads a frame, or returns false for what is no JSON object. The fields alias it.
func (f *fields) read(frame []byte) bool {
	if f.plain(frame) {
		return true
	}
	var read fields // another variable, since this one goes to the heap
	err := json.Unmarshal(frame, &read)
	*f = read
	return err == nil
}

// plain reads a frame as nearly all clients write it, with these fields only, their exact names, and a value for each,
// several times as fast as encoding/json. It returns false for another.
func (f *fields) plain(frame []byte) bool {
	r := codec.NewReader(frame)
	for r.Object(); r.Next(); {
		field := f.named(r.Key())
		if field == nil {
			return false
		}
		if *field = r.View(); *field == nil {
			return false
		}
	}
	r.End()
	return r.Err() == nil
}

// named returns the field of a name, or nil.
func (f *fields) named(name []byte) *json.RawMessage {
	switch string(name) {
	case "type":
		return &f.Type
	case "id":
		return &f.ID
	case "method":
		return &f.Method
	case "params":
		return &f.Params
	}
	return nil
}
