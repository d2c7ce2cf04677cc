package discord

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// requestKind is what a request is for. It is the first part of the request's id, by which the response is recognised.
type requestKind string

const (
	requestGateway  requestKind = "gateway"  // Get Gateway Bot
	requestChannel  requestKind = "channel"  // Get Channel; which is the channel's id
	requestCommands requestKind = "commands" // Bulk Overwrite Global Application Commands
	requestAck      requestKind = "ack"      // Create Interaction Response; its response does not matter
	requestProbe    requestKind = "probe"    // Get Current User, for the command of that name
)

// callTimeout is for calls that Discord answers at once, with the way there and back; transferTimeout for requests that
// carry files: 25 MB at 2 Mbit/s. In milliseconds.
const (
	callTimeout     = 10_000
	transferTimeout = 120_000
)

// tokenPlaceholder is replaced by the bot's token when the kernel makes the request.
const tokenPlaceholder = "{{credential:botToken}}"

// userAgent has the form that Discord asks for ("User Agent").
const userAgent = "DiscordBot (https://github.com/carapace-gateway/carapace, 1.0.0)"

// request describes a call of the API as the bot; a body that is nil is none.
func (s settings) request(id, method, path string, body wit.JSON) wit.HTTPRequest {
	r := s.publicRequest(id, method, path, body)
	r.Headers = append(r.Headers, wit.Header{Name: "Authorization", Value: "Bot " + tokenPlaceholder})
	return r
}

// publicRequest describes a call that needs no token, as those about interactions, whose own token is in the path.
func (s settings) publicRequest(id, method, path string, body wit.JSON) wit.HTTPRequest {
	return wit.HTTPRequest{
		ID: id, Method: method, URL: s.api(path), JSON: body, Timeout: callTimeout,
		Headers: []wit.Header{{Name: "User-Agent", Value: userAgent}},
	}
}

// request calls the API; the response comes back as an event.
func (a *answer) request(kind requestKind, which, method, path string, body wit.JSON) {
	a.Out.Requests = append(a.Out.Requests, a.Settings.request(account.RequestID(kind, a.State.generation, which), method, path, body))
}

// maxRequests keeps what an answer asks for within its bound; what is left out is asked for again.
const maxRequests = 12

// full reports whether an answer makes as many requests as it should.
func (a *answer) full() bool { return len(a.Out.Requests) >= maxRequests }
