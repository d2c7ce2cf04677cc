package webhook

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds on a call.
const (
	// MaxBody is the most that a recipe may let in, in bytes.
	MaxBody    = 8 << 20
	usualBody  = 1 << 20 // where the recipe says nothing
	maxBinary  = 64 << 10
	maxHeaders = 100
)

// Read reads and authenticates a call by a recipe; false where it has answered instead: OPTIONS with what there is, a
// challenge, a call that was taken before, and else 405, 413, 401, or 403 where something of the owner's is missing to check
// with. HEAD is read as the GET that it stands for, and its body is not sent. Before a call is authentic, no more is told than
// how it has to be.
func (g Guard) Read(w http.ResponseWriter, r *http.Request, o proof.Owner, facts *wit.WebhookFacts) (*Call, bool) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if methods := facts.Methods; !proof.Asks(facts, r) && !slices.Contains(methods, method) && (len(methods) > 0 || method != http.MethodPost) {
		w.Header().Set("Allow", allowed(methods))
		if method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return nil, false
		}
		return nil, refuse(w, http.StatusMethodNotAllowed)
	}
	body, status := body(w, r, int64(facts.MaxBody))
	if status != 0 {
		return nil, refuse(w, status)
	}
	v := g.admit(r, o, facts, body)
	if v.Status != 0 {
		return nil, answer(w, v)
	}
	c := &Call{Request: &wit.WebhookRequest{Method: method, Query: r.URL.RawQuery, Headers: shown(r.Header, facts)}, owner: o.ID, verdict: v, log: g.Log}
	switch {
	case utf8.Valid(v.Body):
		c.Request.Text = new(string(v.Body))
	case len(v.Body) <= maxBinary:
		c.Request.Bytes = v.Body
	default:
		c.Conclude(r.Context(), false)
		return nil, refuse(w, http.StatusRequestEntityTooLarge)
	}
	return c, true
}

// answer answers a call that is not handed over, and is false.
func answer(w http.ResponseWriter, v *proof.Verdict) bool {
	switch {
	case v.Status == http.StatusServiceUnavailable:
		Unavailable(w)
	case v.Status >= 300:
		refuse(w, v.Status)
	default:
		reply := &wit.WebhookReply{Status: uint16(v.Status), Text: &v.Text}
		if v.JSON {
			reply.Headers = []wit.Header{{Name: "Content-Type", Value: "application/json"}}
		}
		Respond(w, reply)
	}
	return false
}

// refuse answers with a status, and is false.
func refuse(w http.ResponseWriter, status int) bool {
	http.Error(w, http.StatusText(status), status)
	return false
}

// allowed lists the methods that a recipe lets in.
func allowed(methods []string) string {
	if len(methods) == 0 {
		methods = []string{http.MethodPost}
	}
	if slices.Contains(methods, http.MethodGet) {
		methods = append(slices.Clip(methods), http.MethodHead)
	}
	return strings.Join(append(slices.Clip(methods), http.MethodOptions), ", ")
}

// body reads what a call brings, or says with which status it is refused: too much that announces itself before it is read.
func body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, int) {
	if limit == 0 {
		limit = usualBody
	}
	limit = min(limit, MaxBody)
	if r.ContentLength > limit {
		return nil, http.StatusRequestEntityTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, http.StatusRequestEntityTooLarge
	} else if err != nil {
		return nil, http.StatusBadRequest
	}
	return body, 0
}

// shown is the headers that the plugin sees: none that authenticates.
func shown(h http.Header, facts *wit.WebhookFacts) []wit.Header {
	hidden := []string{"Authorization", "Cookie", "Proxy-Authorization"}
	if facts.Header != nil && (facts.Auth == wit.WebhookAuthHeader || facts.Auth == wit.WebhookAuthJWT) {
		hidden = append(hidden, http.CanonicalHeaderKey(*facts.Header))
	}
	var out []wit.Header
	for name, values := range h {
		for _, v := range values {
			if !slices.Contains(hidden, name) && len(out) < maxHeaders && utf8.ValidString(v) {
				out = append(out, wit.Header{Name: name, Value: v})
			}
		}
	}
	slices.SortFunc(out, func(a, b wit.Header) int { return strings.Compare(a.Name, b.Name) })
	return out
}
