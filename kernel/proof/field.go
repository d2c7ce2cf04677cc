package proof

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

const (
	// leastInBody is the length from which a credential can be taken out of a body again without harm to its words.
	leastInBody = 8
	redacted    = "[redacted]"
)

// inBody checks a credential that stands in a field of the body, and takes it out of what the plugin sees.
func inBody(facts *wit.WebhookFacts, secret string, h http.Header, body []byte) *Verdict {
	if len(secret) < leastInBody {
		return closed("the credential that its body should have is shorter than 8 bytes")
	}
	for _, field := range facts.Fields {
		value, ok := bodyField(field, h, body)
		if !ok {
			continue
		}
		if !same(value, secret) {
			break
		}
		return &Verdict{Body: without(body, secret)}
	}
	return refuse("it is not authentic")
}

// bodyField finds a field of a form, or of JSON by the names on the way to it.
func bodyField(name string, h http.Header, body []byte) (string, bool) {
	if isForm(h) {
		fields, err := parseForm(body)
		if err != nil || !fields.Has(name) {
			return "", false
		}
		return fields.Get(name), true
	}
	at := json.RawMessage(body)
	for step := range strings.SplitSeq(name, ".") {
		var object map[string]json.RawMessage
		if json.Unmarshal(at, &object) != nil {
			return "", false
		}
		next, ok := object[step]
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

// without takes a secret out of a body, in the forms that it has in JSON and in forms.
func without(body []byte, secret string) []byte {
	inJSON, _ := json.Marshal(secret) // each text can be
	for _, form := range []string{secret, string(inJSON[1 : len(inJSON)-1]), url.QueryEscape(secret), url.PathEscape(secret)} {
		body = bytes.ReplaceAll(body, []byte(form), []byte(redacted))
	}
	return body
}
