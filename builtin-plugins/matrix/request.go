package matrix

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/wit"
)

// requestKind is what a request is for. It is the first part of the request's id, by which the response is
// recognised, and what the state notes as to be tried again.
type requestKind string

const (
	requestVersions  requestKind = "versions"   // GET /versions: is a Matrix server there?
	requestWellKnown requestKind = "well-known" // GET /.well-known/matrix/client: where is it then?
	requestMe        requestKind = "me"         // GET /account/whoami
	requestProfile   requestKind = "profile"    // GET /profile: what is the account called?
	requestSync      requestKind = "sync"       // GET /sync
	requestPage      requestKind = "page"       // GET /messages: what a sync left out
	requestQuote     requestKind = "quote"      // GET /event: what a message answers; which is its id
	requestRoom      requestKind = "room"       // GET /sync of one room: what is it? which is its id
	requestJoin      requestKind = "join"       // POST /join; which is the room
	requestProbe     requestKind = "probe"      // GET /account/whoami, for the command of that name
	requestAside     requestKind = "aside"      // whose response does not matter: read receipts, notices
)

// authorization has the account's token, which the kernel fills in ("Using access tokens").
var authorization = wit.Header{Name: "Authorization", Value: "Bearer {{credential:accessToken}}"}

// callTimeout is for calls that the server answers at once, with the way there and back, in milliseconds.
const callTimeout = 10_000

// transferTimeout is for requests that carry a file, in milliseconds: 50 MB at 3.5 Mbit/s.
const transferTimeout = 120_000

// client is where the paths of the API begin.
const client = "/_matrix/client/v3"

// request describes a call with the account's token. Whatever stands in the path was escaped.
func (s settings) request(id, method, path string) wit.HTTPRequest {
	return wit.HTTPRequest{ID: id, Method: method, URL: s.root + path, Headers: []wit.Header{authorization}, Timeout: callTimeout}
}

// roomPath is the path of a call about a room: roomPath(id, "send", "m.room.message", txn).
func roomPath(room string, rest ...string) string {
	return client + "/rooms/" + form.Escape(room) + join(rest)
}

// join writes the further segments of a path.
func join(segments []string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(form.Escape(s))
	}
	return b.String()
}
