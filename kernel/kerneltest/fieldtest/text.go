package fieldtest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Text is how a text is expected: as it is, as true for any but an empty one, or as an object of the fields
// below, all of which have to hold.
type Text struct {
	Is         *string  `json:"is"`
	Contains   OneOrAll `json:"contains"`
	Lacks      OneOrAll `json:"lacks"`
	Matches    string   `json:"matches"`
	MatchesNot string   `json:"matchesNot"`
	// LongerThan is a number of bytes.
	LongerThan int `json:"longerThan"`
	// Any is set by true.
	Any bool `json:"-"`
}

// OneOrAll is a text or a list of texts.
type OneOrAll []string

// UnmarshalJSON implements json.Unmarshaler.
func (o *OneOrAll) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*o = OneOrAll{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(o))
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *Text) UnmarshalJSON(data []byte) error {
	var is string
	switch {
	case string(data) == "true":
		e.Any = true
		return nil
	case json.Unmarshal(data, &is) == nil:
		e.Is = &is
		return nil
	}
	type fields Text
	return strictly(data, (*fields)(e))
}

// Problem says what of the expectation a text does not fulfil; empty is nothing. No expectation is fulfilled.
func (e *Text) Problem(name, text string) string {
	if e == nil || e.holds(text) {
		return ""
	}
	return fmt.Sprintf("%s is %.500q, want %s", name, text, e.words())
}

func (e *Text) holds(text string) bool {
	for _, part := range e.Contains {
		if !strings.Contains(text, part) {
			return false
		}
	}
	for _, part := range e.Lacks {
		if strings.Contains(text, part) {
			return false
		}
	}
	return (e.Is == nil || text == *e.Is) && (!e.Any || text != "") && len(text) >= e.LongerThan &&
		(e.Matches == "" || regexp.MustCompile(e.Matches).MatchString(text)) &&
		(e.MatchesNot == "" || !regexp.MustCompile(e.MatchesNot).MatchString(text))
}

func (e *Text) words() string {
	switch {
	case e.Any:
		return "any text"
	case e.Is != nil:
		return fmt.Sprintf("%.500q", *e.Is)
	}
	return fmt.Sprintf("contains %q, lacks %q, matches %q but not %q, longer than %d", e.Contains, e.Lacks, e.Matches, e.MatchesNot, e.LongerThan)
}
