// Package codec reads and writes the contract's JSON without reflection. Guests link it, so it is
// small: no fmt, no encoding/json, no reflect.
//
// The generated types call it: AppendJSON appends a value to a byte slice, ReadJSON reads one from a
// Reader. Plugins use the same functions for a vendor's JSON.
//
// Three rules hold everywhere. Writers leave out zero values, and readers take what is missing, or
// null, as zero. Keys match exactly; of a key that comes twice the last one counts. What is read is
// bounded: depth by MaxDepth, a list by the limit its reader names, everything else by the length of
// the input, and nothing that is returned keeps the input alive unless the reader was told to Share.
//
// Nothing here is safe for use by several goroutines at once; nothing is shared between two Readers.
package codec

// Appender is a value that can be written.
type Appender interface {
	// AppendJSON appends the value as JSON and returns the extended slice.
	AppendJSON(b []byte) []byte
}

// Receiver is a value that can be read.
type Receiver interface {
	// ReadJSON replaces the value by the next one of r. Failures stay in r.
	ReadJSON(r *Reader)
}

// Marshal returns v as JSON.
func Marshal[T Appender](v T) []byte { return v.AppendJSON(nil) }

// Unmarshal reads data, which holds one JSON value, into v. Unknown fields are passed over. The error
// is an *Error; v is then partly filled.
func Unmarshal[T Receiver](data []byte, v T) error { return read(NewReader(data), v) }

// UnmarshalShared is Unmarshal that need not copy what v has of data; see Reader.Share.
func UnmarshalShared[T Receiver](data []byte, v T) error {
	r := NewReader(data)
	r.Share()
	return read(r, v)
}

// These are generic, and not functions of an interface, so that a guest links only those of a type's
// methods that it uses.
func read[T Receiver](r *Reader, v T) error {
	v.ReadJSON(r)
	r.End()
	return r.Err()
}

// UnmarshalStrict is Unmarshal that refuses unknown fields and unknown cases of enums, naming the
// first by its path.
func UnmarshalStrict[T Receiver](data []byte, v T) error {
	r := NewReader(data)
	r.Strict()
	return read(r, v)
}

// UnmarshalReport is Unmarshal that also returns the paths of at most 16 unknown fields and cases, for
// a warning while a plugin is being written.
func UnmarshalReport[T Receiver](data []byte, v T) (unknown []string, err error) {
	r := NewReader(data)
	r.onUnknown = func(path string) {
		if len(unknown) < maxReported {
			unknown = append(unknown, path)
		}
	}
	err = read(r, v)
	return unknown, err
}

const maxReported = 16

// Error says where JSON is not what it should be.
type Error struct {
	// Path of the value, such as messages[2].sender.id; empty at the top.
	Path string
	// Offset is the number of bytes that were read before it.
	Offset int
	// Problem is a lower-case phrase.
	Problem string
}

func (e *Error) Error() string {
	where := e.Path
	if where == "" {
		where = "json"
	}
	return where + ": " + e.Problem + " (byte " + itoa(e.Offset) + ")"
}
