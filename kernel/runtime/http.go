package runtime

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// maxHTTPRequest bounds the method, URL and headers of a request, in bytes.
const maxHTTPRequest = 64 << 10

// httpRequest is Extism's http_request: the request as JSON, and its body. The response's status and headers
// are asked for afterwards.
func httpRequest(i *instance, s []uint64) {
	var wanted struct {
		Method  string
		URL     string `json:"url"`
		Headers map[string]string
	}
	i.call.response = HTTPResponse{}
	if err := json.Unmarshal(i.view(s[0], maxHTTPRequest, "HTTP request"), &wanted); err != nil {
		i.call.stop(wit.Errorf(wit.CodeInvalid, "plugin %s: its HTTP request is not valid JSON", i.plugin.spec.Plugin))
	}
	r := HTTPRequest{Method: strings.ToUpper(wanted.Method), URL: wanted.URL, Header: wanted.Headers}
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	r.Body = append([]byte(nil), i.view(s[1], i.plugin.limits.ExchangeBytes, "HTTP request body")...)
	err := error(wit.NewError(wit.CodeForbidden, "http is not permitted to this plugin; declare the permission http in its manifest"))
	if t := i.call.trace; t != nil {
		defer t.host("http_request", i.plugin.clock, &err)()
	}
	if i.plugin.spec.HTTP != nil {
		i.call.host(func(ctx context.Context) {
			defer recovered(&err)
			i.call.response, err = i.plugin.spec.HTTP(ctx, r)
		})
	}
	if err != nil {
		i.call.response = httpRefusal(i.plugin, err)
	}
	s[0] = i.put(i.call.response.Body)
	i.call.response.Body = nil // the guest has its own now
}

// httpRefusal is a failed request as an HTTP response, which every PDK can show to its plugin.
func httpRefusal(p *plugin, err error) HTTPResponse {
	e := p.visible("http_request", err)
	status := http.StatusBadGateway
	switch e.Code {
	case wit.CodeForbidden, wit.CodeUnauthorized, wit.CodeInvalid:
		status = http.StatusForbidden
	case wit.CodeRateLimited:
		status = http.StatusTooManyRequests
	case wit.CodeTimeout:
		status = http.StatusGatewayTimeout
	}
	return HTTPResponse{Status: status, Body: errorEnvelope(e), Header: http.Header{
		"Content-Type": {"application/json"}, "X-Carapace-Error": {string(e.Code)}}}
}

// httpHeaders is Extism's http_headers: the headers of the last response as JSON.
func httpHeaders(i *instance, s []uint64) {
	flat := make(map[string]string, len(i.call.response.Header))
	for name, values := range i.call.response.Header {
		flat[strings.ToLower(name)] = strings.Join(values, ",")
	}
	b, err := json.Marshal(flat)
	s[0] = i.put(must(&i.call, b, err))
}
