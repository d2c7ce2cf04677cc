package whatsapp

import (
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// How long calls may take, in milliseconds: those that Meta answers at once, and those that carry a file.
const (
	callTimeout     = 20_000
	transferTimeout = 120_000
)

// authorized are the headers of every call. The kernel fills the token in.
func authorized() []wit.Header {
	return []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:accessToken}}"}}
}

// post is a call of the number's edge, such as messages.
func (s settings) post(edge string, body json.Object) *wit.HTTPRequest {
	return &wit.HTTPRequest{
		ID: edge, Method: "POST", URL: s.api + "/" + s.phone + "/" + edge, Headers: authorized(), Timeout: callTimeout, JSON: body.JSON(),
	}
}

// upload is a call that puts a file where messages find it (Media, "Upload media").
func (s settings) upload(file wit.HTTPPart, mime string) *wit.HTTPRequest {
	return &wit.HTTPRequest{
		ID: "media", Method: "POST", URL: s.api + "/" + s.phone + "/media", Headers: authorized(), Timeout: transferTimeout,
		Parts: []wit.HTTPPart{{Name: "messaging_product", Text: new("whatsapp")}, {Name: "type", Text: &mime}, file},
	}
}

// download is how the kernel gets a file that somebody has sent: a call says where it is, and the file is asked for there
// with the same token (Media, "Retrieve media URL", "Download media").
func (s settings) download(id string) (*wit.HTTPRequest, *wit.Excerpt) {
	return &wit.HTTPRequest{URL: s.api + "/" + form.Escape(id), Headers: authorized(), Timeout: transferTimeout},
		&wit.Excerpt{Field: "url", Form: wit.ExcerptFormAddress}
}
