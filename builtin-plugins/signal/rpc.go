package signal

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// How long calls may take, in milliseconds: those of the daemon itself, those that go to Signal's servers, those that carry files,
// and the one that waits for somebody to scan a code.
const (
	callTimeout     = 30_000
	sendTimeout     = 60_000
	transferTimeout = 120_000
	linkTimeout     = 180_000
)

// rpc describes a request to the daemon (signal-cli-jsonrpc(5), "Basic usage"). Its account says whom it is about, which a daemon
// for one account does without.
func (s settings) rpc(id, method string, params json.Object) *wit.HTTPRequest {
	return &wit.HTTPRequest{
		ID: id, Method: "POST", URL: s.url + "/api/v1/rpc", Timeout: callTimeout,
		JSON: json.Object{}.Text("jsonrpc", "2.0").Text("id", id).Text("method", method).Raw("params", params.JSON()).JSON(),
	}
}

// params begins the parameters of what an account does.
func (s settings) params() json.Object { return json.Object{}.Text("account", s.account) }

// file is how the kernel gets a file that the daemon keeps: in base64, in the answer to a request.
func (s settings) file(method string, params json.Object) (*wit.HTTPRequest, *wit.Excerpt) {
	r := s.rpc("file", method, params)
	r.Timeout = transferTimeout
	return r, &wit.Excerpt{Field: "result.data", Form: wit.ExcerptFormBase64}
}
