package webhook

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// patience is after how long who calls is asked to come again, where nothing else is known.
const patience = 5 * time.Second

// Unavailable asks who calls to make the call again.
func Unavailable(w http.ResponseWriter) { later(w, http.StatusServiceUnavailable, patience) }

func later(w http.ResponseWriter, status int, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	refuse(w, status)
}

// Fail answers a call that its plugin could not. Who calls is told nothing of the reason, which is the owner's.
func Fail(w http.ResponseWriter, err error) {
	e, wait := wit.AsError(err), patience
	if e.RetryAfter != nil && *e.RetryAfter > 0 {
		wait = time.Duration(min(*e.RetryAfter, time.Hour.Milliseconds())) * time.Millisecond
	}
	switch {
	case e.Code == wit.CodeRateLimited:
		later(w, http.StatusTooManyRequests, wait)
	case e.Retryable || e.Code.Transient() || e.Code == wit.CodeInternal: // a panic, say
		later(w, http.StatusServiceUnavailable, wait)
	default:
		refuse(w, http.StatusInternalServerError)
	}
}

// Respond writes a plugin's reply, an empty one where it has none. A reply stands on the gateway's own origin, so no browser
// may run what is in it, and it speaks for itself only.
func Respond(w http.ResponseWriter, reply *wit.WebhookReply) {
	h := w.Header()
	if reply == nil {
		reply = &wit.WebhookReply{}
	}
	for _, header := range reply.Headers[:min(len(reply.Headers), maxHeaders)] {
		if !reserved(http.CanonicalHeaderKey(header.Name)) {
			h.Set(header.Name, header.Value)
		}
	}
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	body := reply.Bytes
	if reply.Text != nil {
		body = []byte(*reply.Text)
	}
	if h.Get("Content-Type") == "" && reply.Text == nil && len(body) > 0 {
		h.Set("Content-Type", "application/octet-stream")
	} else if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	status := int(reply.Status)
	if status < 200 || status > 599 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the peer may be gone, and some statuses have no body; what the call was for is done
}

// reserved reports whether a header is not a reply's to set. By these a server speaks for its whole origin or for the
// connection, tells the proxy in front of it to serve another file, or asks a browser for a password.
func reserved(name string) bool {
	switch name {
	case "Set-Cookie", "Set-Cookie2", "Clear-Site-Data", "Strict-Transport-Security", "Public-Key-Pins", "Alt-Svc", "Service-Worker-Allowed",
		"X-Frame-Options", "X-Content-Type-Options", "Permissions-Policy", "Nel", "Report-To", "Reporting-Endpoints", "Origin-Agent-Cluster",
		"Connection", "Keep-Alive", "Transfer-Encoding", "Te", "Trailer", "Upgrade", "Content-Length", "Date", "Server",
		"Www-Authenticate", "X-Sendfile", "X-Reproxy-Url", "X-Lighttpd-Send-File", "X-Litespeed-Location", "Refresh":
		return true
	}
	return slices.ContainsFunc([]string{"Access-Control-", "Content-Security-Policy", "Cross-Origin-", "Proxy-", "X-Accel-"},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
