package feishu

import (
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// How long calls may take, in milliseconds: those that Feishu answers at once, and those that carry a file.
const (
	callTimeout     = 20_000
	transferTimeout = 120_000
)

// authorized are the headers of every call. The kernel gets the token of the app's id and secret, and fills it in.
func authorized() []wit.Header {
	return []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:tenantToken}}"}}
}

// get is a call that asks.
func (s settings) get(path string) *wit.HTTPRequest {
	return &wit.HTTPRequest{URL: s.api + path, Headers: authorized(), Timeout: callTimeout}
}

// call is one that does something.
func (s settings) call(method, path string, body json.Object) *wit.HTTPRequest {
	r := &wit.HTTPRequest{ID: "call", Method: method, URL: s.api + path, Headers: authorized(), Timeout: callTimeout}
	if body != nil {
		r.JSON = body.JSON()
	}
	return r
}

// upload is a call that puts a file where messages find it ("Upload image", "Upload file").
func (s settings) upload(path string, parts ...wit.HTTPPart) *wit.HTTPRequest {
	return &wit.HTTPRequest{ID: "upload", Method: "POST", URL: s.api + path, Headers: authorized(), Timeout: transferTimeout, Parts: parts}
}

// download is how the kernel gets a file of a message ("Obtain resource files in messages").
func (s settings) download(message, key, kind string) *wit.HTTPRequest {
	r := s.get("/im/v1/messages/" + form.Escape(message) + "/resources/" + form.Escape(key) + "?type=" + kind)
	r.Timeout = transferTimeout
	return r
}
