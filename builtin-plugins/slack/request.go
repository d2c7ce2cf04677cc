package slack

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/wit"
)

// requestKind is what a request is for. It is the first part of the request's id, by which the response is recognised,
// and what the state notes as to be tried again.
type requestKind string

const (
	requestMe    requestKind = "me"    // auth.test: who is the bot?
	requestOpen  requestKind = "open"  // apps.connections.open: where does the websocket lead to?
	requestUser  requestKind = "user"  // users.info: which is the id
	requestPlace requestKind = "place" // conversations.info: which is the id
	requestProbe requestKind = "probe" // auth.test, for the command of that name
)

// The two tokens of an app: that of its bot for all methods, and its own for apps.connections.open alone. The kernel fills
// them in when it makes a request.
const (
	botToken = "{{credential:botToken}}"
	appToken = "{{credential:appToken}}"
)

// Times in milliseconds.
const (
	callTimeout     = 15_000
	transferTimeout = 120_000 // for requests that carry a file
)

// call describes a call of a Web API method ("Using the Slack Web API"). The parameters are a form, which every method
// takes; JSON not all of them do.
func (s settings) call(id, token, method string, f form.Form) wit.HTTPRequest {
	return wit.HTTPRequest{
		ID: id, Method: "POST", URL: s.root + "/api/" + method, Text: new(f.Encode()), Timeout: callTimeout,
		Headers: []wit.Header{{Name: "Authorization", Value: "Bearer " + token}, {Name: "Content-Type", Value: "application/x-www-form-urlencoded"}},
	}
}

// inert escapes braces in a URL that Slack has named: it could name a credential.
func inert(url string) string { return strings.ReplaceAll(url, "{", "%7B") }
