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

	"github.com/carapace-gateway/carapace/kernel/proof"
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
// 405, 413, 401, 403 where the credential or another thing of the owner's is missing, 200 for a call that was taken before, 503 with Retry-After when the account cannot take it
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
	body, status := d.read(w, r, p.Facts().Webhook)
	if status != 0 {
		http.Error(w, http.StatusText(status), status)
		return
	}
	verdict := d.guard.admit(r, account, p, body)
	if verdict.Status != 0 {
		answer(w, verdict)
		return
	}
	reply := d.hand(ctx, account, r, path, p.Facts().Webhook, verdict.Body)
	// A call that the plugin says it cannot take now may come again.
	taken := reply != nil && reply.Status < 300
	if err := verdict.Concluded(context.WithoutCancel(ctx), taken); err != nil {
		d.guard.log.Warn("a webhook's call may be taken once more: it could not be written down", "account", account.id, "error", err)
	}
	if reply == nil {
		unavailable(w)
		return
	}
	respond(w, reply)
}

// hand gives a call to its account and returns what the plugin replies, nil where it could not be handled, or what it is
// refused with.
func (d *door) hand(ctx context.Context, a *account, r *http.Request, path string, facts *wit.WebhookFacts, body []byte) *wit.WebhookReply {
	event := &wit.WebhookRequest{Method: r.Method, Path: path, Query: r.URL.RawQuery, Headers: shown(r.Header, facts)}
	switch {
	case utf8.Valid(body):
		event.Text = new(string(body))
	case len(body) <= webhookBinary:
		event.Bytes = body
	default:
		status := http.StatusRequestEntityTooLarge
		return &wit.WebhookReply{Status: uint16(status), Text: new(http.StatusText(status))}
	}
	o, err := a.handle(ctx, &input{origin: fromWebhook, event: wit.ChannelEvent{Kind: wit.EventKindWebhook, Webhook: event}})
	switch {
	case err != nil:
		return nil
	case o.reply == nil:
		return &wit.WebhookReply{}
	}
	return o.reply
}

// answer answers a call that is not handed over.
func answer(w http.ResponseWriter, v *proof.Verdict) {
	switch {
	case v.Status == http.StatusServiceUnavailable:
		unavailable(w)
	case v.Status >= 300:
		http.Error(w, http.StatusText(v.Status), v.Status)
	default:
		respond(w, &wit.WebhookReply{Status: uint16(v.Status), Text: &v.Text})
	}
}

// unavailable asks the platform to send it again.
func unavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "5")
	http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
}

// read reads a request's body, or says with which status it is refused.
func (d *door) read(w http.ResponseWriter, r *http.Request, facts *wit.WebhookFacts) ([]byte, int) {
	methods := facts.Methods
	if len(methods) == 0 {
		methods = []string{http.MethodPost}
	}
	if !slices.Contains(methods, r.Method) && !proof.Asks(facts, r) {
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
