package store

import (
	"cmp"
	"strings"
)

// Form is how values are stored.
type Form string

// The forms. Keys are never sealed: their order is what a store is for.
const (
	// Plain values are as they were given. Stores of earlier versions have them, until they have been converted.
	Plain Form = "plain"
	// Tagged values have a tag by which a changed one is noticed.
	Tagged Form = "tagged"
	// Closed values cannot be read without the key either.
	Closed Form = "sealed"
)

// Sealing is how values are stored, and how far a change of that has got: those up to Space and Key have the form To, and
// those behind it the form From.
type Sealing struct {
	From  Form   `json:"from,omitempty"`
	To    Form   `json:"to"`
	Done  bool   `json:"done"`
	Space string `json:"space,omitempty"`
	Key   string `json:"key,omitempty"`
}

// form is that of the value of a record.
func (s *Sealing) form(space, key string) Form {
	switch {
	case exempt(space):
		return Plain
	case s.Done || space < s.Space || space == s.Space && key <= s.Key:
		return s.To
	}
	return s.from()
}

// Has reports whether values may have a form.
func (s *Sealing) Has(form Form) bool { return s.To == form || !s.Done && s.from() == form }

// Guarded reports whether a change from outside is noticed of each value.
func (s *Sealing) Guarded() bool { return !s.Has(Plain) }

// from is the form before. Earlier versions, which knew two of them, did not note it.
func (s *Sealing) from() Form {
	before := Plain
	if s.To == Plain {
		before = Closed
	}
	return cmp.Or(s.From, before)
}

// exempt reports whether a space stays as it is: what is in it is sealed by whoever writes it.
func exempt(space string) bool {
	return space == sealing || space == "secret" || strings.HasPrefix(space, "secret.")
}

// Holds reports whether there are records in any space but those that are left out. Errors: the store's.
func Holds(tx Tx, leave func(space string) bool) (bool, error) {
	next, err := spaceBehind(tx, "", leave)
	return next != "", err
}

// spaceBehind is the first space behind another one that has records and is not left out, or "".
func spaceBehind(tx Tx, space string, leave func(space string) bool) (string, error) {
	space, err := tx.NextSpace(space)
	for err == nil && space != "" && leave(space) {
		space, err = tx.NextSpace(space)
	}
	return space, err
}
