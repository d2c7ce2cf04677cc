package account

import (
	"strconv"
	"strings"
)

// RequestID returns the id of a request: what it is for, which start of the account it belongs to, and which of several it is, or
// "". kind contains no colon.
func RequestID[Kind ~string](kind Kind, generation int64, which string) string {
	id := string(kind) + ":" + strconv.FormatInt(generation, 10)
	if which != "" {
		id += ":" + which
	}
	return id
}

// ParseRequestID takes a request's id apart. current is false for one of another generation: it was made before the account was
// started anew, and nobody waits for its response.
func ParseRequestID[Kind ~string](id string, generation int64) (kind Kind, which string, current bool) {
	first, rest, _ := strings.Cut(id, ":")
	number, which, _ := strings.Cut(rest, ":")
	return Kind(first), which, number == strconv.FormatInt(generation, 10)
}
