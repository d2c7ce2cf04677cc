package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// bound reports what of a token is not as the body has it, or nil: claims when of is "claim", and members of the key that has
// signed it when it is "key".
func bound(list []wit.TokenBinding, of string, members map[string]json.RawMessage, body []byte) error {
	for i := range list {
		name := text(list[i].Claim)
		if of == "key" {
			name = text(list[i].Key)
		}
		if name == "" {
			continue
		}
		value, ok := onlyText(list[i].Field, body)
		if !ok || value == "" {
			return errors.New("its body has no one " + list[i].Field + ", which its token is bound to")
		}
		var texts audience
		if json.Unmarshal(members[name], &texts) != nil || !slices.Contains(texts, value) {
			return errors.New("its token is not for what its body has as " + list[i].Field)
		}
	}
	return nil
}

// onlyText finds a text in a body that is JSON, by the names on the way to it. A name that an object has twice is not found: the
// plugin may read the other one.
func onlyText(name string, body []byte) (string, bool) {
	at := json.RawMessage(body)
	for step := range strings.SplitSeq(name, ".") {
		next, ok := only(step, at)
		if !ok {
			return "", false
		}
		at = next
	}
	var text *string
	if json.Unmarshal(at, &text) != nil || text == nil {
		return "", false
	}
	return *text, true
}

// only returns the one member of an object that has a name.
func only(name string, object []byte) (value json.RawMessage, ok bool) {
	d := json.NewDecoder(bytes.NewReader(object))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		key, err := d.Token()
		var member json.RawMessage
		if err != nil || d.Decode(&member) != nil {
			return nil, false
		}
		if key == name {
			if value != nil {
				return nil, false
			}
			value = member
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, false
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, false
	}
	return value, value != nil
}
