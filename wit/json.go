package wit

import "github.com/carapace-gateway/carapace/wit/codec"

// JSON is a JSON value as it came, nil when it is absent or null. Whoever makes one makes it valid.
type JSON []byte

// MarshalJSON gives the value itself, and null for nil.
func (v JSON) MarshalJSON() ([]byte, error) {
	if len(v) == 0 {
		return []byte("null"), nil
	}
	return v, nil
}

// UnmarshalJSON keeps a copy of data.
func (v *JSON) UnmarshalJSON(data []byte) error {
	*v = nil
	if string(data) != "null" {
		*v = append(JSON(nil), data...)
	}
	return nil
}

// Marshal returns v as JSON, without its zero values.
func Marshal[T codec.Appender](v T) JSON { return v.AppendJSON(nil) }

// Unmarshal reads one JSON value into v and passes over unknown fields. Errors are `invalid` and name
// the place.
func Unmarshal[T codec.Receiver](data []byte, v T) error {
	return invalid(codec.Unmarshal(data, v))
}

// UnmarshalShared is Unmarshal that need not copy what v has of data, which must not change from then on.
func UnmarshalShared[T codec.Receiver](data []byte, v T) error {
	return invalid(codec.UnmarshalShared(data, v))
}

// UnmarshalStrict is Unmarshal that refuses unknown fields and cases.
func UnmarshalStrict[T codec.Receiver](data []byte, v T) error {
	return invalid(codec.UnmarshalStrict(data, v))
}

// UnmarshalReport is Unmarshal that also returns where, at most 16 times, it met what it does not know.
func UnmarshalReport[T codec.Receiver](data []byte, v T) (unknown []string, err error) {
	unknown, err = codec.UnmarshalReport(data, v)
	return unknown, invalid(err)
}

func invalid(err error) error {
	if err == nil {
		return nil
	}
	return NewError(CodeInvalid, err.Error())
}
