package agent

import (
	"encoding/json"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// publicText is what a coded error says to people and models; of others only that they happened.
// Internal errors may name files, addresses and the code's own affairs; the message of any other code was written
// for people.
func publicText(err error) string {
	e := wit.AsError(err)
	if e.Code == wit.CodeInternal {
		return "an internal error; the log has the details"
	}
	return e.Message
}

// publicError is the error with its public text.
func publicError(err error) *wit.Error {
	e := *wit.AsError(err)
	e.Message = publicText(err)
	return &e
}

// valid returns args as the JSON that they are, or as a JSON string of what they are instead.
// History and providers have to be able to read a call again, whatever the model wrote.
func valid(args wit.JSON) wit.JSON {
	if len(args) == 0 {
		return wit.JSON("{}")
	}
	if json.Valid(args) {
		return args
	}
	quoted, _ := json.Marshal(strings.ToValidUTF8(string(args), "\uFFFD")) // each text can be
	return quoted
}

// arguments reads the arguments that a model wrote: an object, or a string that holds one. ok is false when
// it is neither.
// Some models write the object as a string.
func arguments(raw wit.JSON) (object wit.JSON, ok bool) {
	if len(raw) == 0 {
		return wit.JSON("{}"), true
	}
	var quoted string
	if json.Unmarshal(raw, &quoted) == nil {
		if quoted == "" {
			return wit.JSON("{}"), true
		}
		raw = wit.JSON(quoted)
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil || fields == nil {
		return raw, false
	}
	return raw, true
}

// isGroup reports whether several people talk in the conversation.
func isGroup(c *wit.Conversation) bool {
	return c != nil && (c.Kind == wit.ConversationKindGroup || c.Kind == wit.ConversationKindChannel)
}
