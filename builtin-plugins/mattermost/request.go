package mattermost

import "github.com/carapace-gateway/carapace/wit"

// requestKind is what a request is for. It is the first part of the request's id, by which the response is recognised,
// and what the state notes as to be tried again.
type requestKind string

const (
	requestMe    requestKind = "me"    // users/me: who is the bot?
	requestLimit requestKind = "limit" // config/client: how long may a post be?
	requestList  requestKind = "list"  // users/me/channels: where was something posted?
	requestPosts requestKind = "posts" // channels/{id}/posts: which is the round and the channel
	requestUsers requestKind = "users" // users/ids: which is "gap", or empty for what waits
	requestPlace requestKind = "place" // channels/{id}: which is the channel
	requestProbe requestKind = "probe" // users/me, for the command of that name
)

// token is the bot's access token. The kernel fills it in when it makes a request.
const token = "{{credential:token}}"

// Times in milliseconds.
const (
	callTimeout     = 15_000
	transferTimeout = 120_000 // for requests that carry a file
)

// call describes a call of the REST API. path follows /api/v4; without a body it has none.
func (s settings) call(id, method, path string, body wit.JSON) wit.HTTPRequest {
	return wit.HTTPRequest{ID: id, Method: method, URL: s.root + "/api/v4" + path, JSON: body, Timeout: callTimeout, Headers: authorized()}
}

// authorized are the headers of a request that is the bot's ("Authentication").
func authorized() []wit.Header {
	return []wit.Header{{Name: "Authorization", Value: "Bearer " + token}}
}

// isID reports whether a text is written as Mattermost's ids are: 26 small letters and digits. Nothing else is put into a path.
func isID(s string) bool {
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9') {
			return false
		}
	}
	return len(s) == 26
}
