package oci

import (
	"io"
	"net/http"
	"strconv"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// transport is an http.RoundTripper that is the kernel's egress. Redirects are followed by who uses it, and each comes here.
type transport struct {
	network *egress.Client
	host    string // that the owner has named
	plain   bool   // it is this machine
}

// maxAsk bounds what is sent in bytes: a request for a token.
const maxAsk = 64 << 10

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	policy := egress.Policy{Owner: "oci " + t.host, Credentials: Owner, Hosts: []string{r.URL.Host}, Methods: []string{http.MethodGet, http.MethodHead, http.MethodPost}, Stay: true}
	if t.plain {
		policy.Origins = []string{"http://" + t.host + "/"}
	}
	ask := &wit.HTTPRequest{Method: r.Method, URL: r.URL.String()}
	for name, values := range r.Header {
		for _, value := range values {
			ask.Headers = append(ask.Headers, wit.Header{Name: name, Value: value})
		}
	}
	if r.Body != nil {
		text, err := io.ReadAll(io.LimitReader(r.Body, maxAsk))
		_ = r.Body.Close()
		if err != nil {
			return nil, err
		}
		ask.Bytes = text
	}
	answer, err := t.network.Stream(r.Context(), policy, none, ask)
	if err != nil {
		return nil, err
	}
	res := &http.Response{
		Status: http.StatusText(answer.Status), StatusCode: answer.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: answer.Body, ContentLength: -1, Request: r,
	}
	for _, h := range answer.Headers {
		res.Header.Add(h.Name, h.Value)
	}
	if n, err := strconv.ParseInt(res.Header.Get("Content-Length"), 10, 64); err == nil {
		res.ContentLength = n
	}
	return res, nil
}

// none has no credentials to put into what a registry says.
func none(string) (string, error) {
	return "", wit.NewError(wit.CodeForbidden, "a registry has no use of credentials")
}
