package channel

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds on a webhook's request and on its answer's time.
const (
	webhookBody    = 1 << 20 // where the plugin declares none
	webhookBodyMax = 8 << 20
	webhookBinary  = 64 << 10
	webhookHeaders = 100
	webhookWait    = 25 * time.Second
)

// door serves /plugins/{channel}/{account}/… . A request is authenticated by the plugin's declared recipe
// before anything else is told about it, and answered after its event is committed: 404 without such a webhook,
// 405, 413, 401, 403 where the credential is missing, 503 with Retry-After when the account cannot take it
// now or not in time, else what the plugin replies.
type door struct {
	accounts *roster
	plugins  Finder
	guard    guard
	open     <-chan struct{} // closed once the accounts are known; who comes before waits
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/plugins/"), "/", 3)
	if len(parts) < 2 || parts[1] == "" {
		http.NotFound(w, r)
		return
	}
	path := "/" + strings.Join(parts[2:], "")
	ctx, cancel := context.WithTimeout(r.Context(), webhookWait)
	defer cancel()
	select {
	case <-d.open:
	case <-ctx.Done():
		unavailable(w)
		return
	}
	p, ok := d.plugins.Channel(parts[0])
	account, err := d.accounts.find(parts[0], parts[1])
	if !ok || err != nil || p.Facts().Webhook == nil {
		http.NotFound(w, r)
		return
	}
	event, status := d.read(w, r, account.id, p.Facts().Webhook)
	if status != 0 {
		http.Error(w, http.StatusText(status), status)
		return
	}
	event.Path = path
	o, err := account.handle(ctx, &input{origin: fromWebhook, event: wit.ChannelEvent{Kind: wit.EventKindWebhook, Webhook: event}})
	if err != nil {
		unavailable(w)
		return
	}
	respond(w, o.reply)
}

// unavailable asks the platform to send it again.
func unavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "5")
	http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
}

// read reads and authenticates a request, or says with which status it is refused.
func (d *door) read(w http.ResponseWriter, r *http.Request, a message.Account, facts *wit.WebhookFacts) (*wit.WebhookRequest, int) {
	methods := facts.Methods
	if len(methods) == 0 {
		methods = []string{http.MethodPost}
	}
	if !slices.Contains(methods, r.Method) {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		return nil, http.StatusMethodNotAllowed
	}
	limit := int64(facts.MaxBody)
	if limit == 0 {
		limit = webhookBody
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, min(limit, webhookBodyMax)))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, http.StatusRequestEntityTooLarge
	} else if err != nil {
		return nil, http.StatusBadRequest
	}
	if status := d.guard.admit(r, a, facts, body); status != 0 {
		return nil, status
	}
	e := &wit.WebhookRequest{Method: r.Method, Query: r.URL.RawQuery, Headers: shown(r.Header, facts)}
	if utf8.Valid(body) {
		text := string(body)
		e.Text = &text
	} else if len(body) <= webhookBinary {
		e.Bytes = body
	} else {
		return nil, http.StatusRequestEntityTooLarge
	}
	return e, 0
}

// shown is the headers that the plugin sees: none that authenticates.
func shown(h http.Header, facts *wit.WebhookFacts) []wit.Header {
	hidden := []string{"Authorization", "Cookie", "Proxy-Authorization"}
	if facts.Header != nil && facts.Auth == wit.WebhookAuthHeader {
		hidden = append(hidden, http.CanonicalHeaderKey(*facts.Header))
	}
	var out []wit.Header
	for name, values := range h {
		for _, v := range values {
			if !slices.Contains(hidden, name) && len(out) < webhookHeaders && utf8.ValidString(v) {
				out = append(out, wit.Header{Name: name, Value: v})
			}
		}
	}
	slices.SortFunc(out, func(a, b wit.Header) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// respond writes a plugin's reply. A reply is text from a plugin on the gateway's own origin, so no
// browser may run what is in it.
func respond(w http.ResponseWriter, reply *wit.WebhookReply) {
	h := w.Header()
	if reply == nil {
		reply = &wit.WebhookReply{}
	}
	for _, header := range reply.Headers {
		switch http.CanonicalHeaderKey(header.Name) {
		case "Set-Cookie", "Connection", "Transfer-Encoding", "Content-Length", "Content-Security-Policy", "Access-Control-Allow-Origin":
		default:
			h.Set(header.Name, header.Value)
		}
	}
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	status := int(reply.Status)
	if status < 200 || status > 599 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	if reply.Text != nil {
		_, _ = io.WriteString(w, *reply.Text) // the peer may be gone; the event is committed
	}
}
