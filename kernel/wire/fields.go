package wire

import "encoding/json"

// fields are those of a client's frame, each as it was written.
type fields struct {
	Type   json.RawMessage `json:"type"`
	ID     json.RawMessage `json:"id"`
	Method json.RawMessage `json:"method"`
	Params json.RawMessage `json:"params"`
}

// read reads a frame, or returns false for what is no JSON object. The fields alias it.
func (f *fields) read(frame []byte) bool {
	if !json.Valid(frame) {
		return false
	}
	if f.plain(frame) {
		return true
	}
	var read fields // another variable, since this one goes to the heap
	err := json.Unmarshal(frame, &read)
	*f = read
	return err == nil
}

// plain reads a frame as nearly all clients write it, with these fields only and their exact names, several times as
// fast as encoding/json. It returns false for another. The frame is valid JSON.
func (f *fields) plain(frame []byte) bool {
	i := space(frame, 0)
	if frame[i] != '{' {
		return false
	}
	for i = space(frame, i+1); frame[i] != '}'; i = space(frame, i) {
		if frame[i] == ',' {
			i = space(frame, i+1)
		}
		end := value(frame, i)
		field := f.named(frame[i:end])
		if field == nil {
			return false
		}
		i = space(frame, space(frame, end)+1) // behind the colon
		end = value(frame, i)
		*field = frame[i:end]
		i = end
	}
	return true
}

// named returns the field of a name that stands in quotes, or nil.
func (f *fields) named(name []byte) *json.RawMessage {
	switch string(name) {
	case `"type"`:
		return &f.Type
	case `"id"`:
		return &f.ID
	case `"method"`:
		return &f.Method
	case `"params"`:
		return &f.Params
	}
	return nil
}

// space returns where the white space that may begin at i is over.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// value returns where the value that begins at i is over. b is valid JSON.
func value(b []byte, i int) int {
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if !ends(b, i+1) {
				continue
			}
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(b)
}

// ends reports whether a number or a word that i is behind is over there.
func ends(b []byte, i int) bool {
	if i == len(b) {
		return true
	}
	switch b[i] {
	case ',', '}', ']', ' ', '\n', '\t', '\r':
		return true
	}
	return false
}
