package line

import (
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// How long calls may take, in milliseconds: those that LINE answers at once, and those that carry a file.
const (
	callTimeout     = 20_000
	transferTimeout = 120_000
)

// authorized are the headers of every call. The kernel gets the token of the channel's id and secret ("Issue stateless channel access
// token"), and fills it in.
func authorized() []wit.Header {
	return []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:channelToken}}"}}
}

// get is a call that asks.
func (s settings) get(path string) *wit.HTTPRequest {
	return &wit.HTTPRequest{URL: s.api + path, Headers: authorized(), Timeout: callTimeout}
}

// post is one that does something.
func (s settings) post(path string, body json.Object, headers ...wit.Header) *wit.HTTPRequest {
	return &wit.HTTPRequest{
		ID: "call", Method: "POST", URL: s.api + path, Headers: append(authorized(), headers...), Timeout: callTimeout, JSON: body.JSON(),
	}
}

// download is how the kernel gets a file that somebody has sent ("Get content").
func (s settings) download(message string) *wit.HTTPRequest {
	return &wit.HTTPRequest{URL: s.data + "/message/" + form.Escape(message) + "/content", Headers: authorized(), Timeout: transferTimeout}
}
