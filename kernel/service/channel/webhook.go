package channel

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/webhook"
	"github.com/carapace-gateway/carapace/wit"
)

// webhookWait bounds the time until a webhook is answered.
const webhookWait = 25 * time.Second

// door serves /plugins/{channel}/{account}/… . A request is authenticated by the plugin's declared recipe
// before anything else is told about it, and answered after its event is committed: 404 without such a webhook,
// 405, 413, 401, 403 where the credential or another thing of the owner's is missing, 200 for a call that was taken before, 503 with Retry-After when the account cannot take it
// now or not in time, else what the plugin replies.
type door struct {
	accounts *roster
	plugins  Finder
	guard    webhook.Guard
	// credentials are what the guard checks with.
	credentials webhook.Credentials
	open        <-chan struct{} // closed once the accounts are known; who comes before waits
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
		webhook.Unavailable(w)
		return
	}
	p, ok := d.plugins.Channel(parts[0])
	account, err := d.accounts.find(parts[0], parts[1])
	if !ok || err != nil || p.Facts().Webhook == nil {
		http.NotFound(w, r)
		return
	}
	call, ok := d.guard.Read(w, r, d.owner(account, p), p.Facts().Webhook)
	if !ok {
		return
	}
	call.Request.Path = path
	o, err := account.handle(ctx, &input{origin: fromWebhook, event: wit.ChannelEvent{Kind: wit.EventKindWebhook, Webhook: call.Request}})
	// A call that the plugin says it cannot take now may come again.
	call.Conclude(ctx, err == nil && (o.reply == nil || o.reply.Status < 300))
	if err != nil {
		webhook.Unavailable(w)
		return
	}
	webhook.Respond(w, o.reply)
}

// Config is an account's configuration as it is now; false where there is no such account, or its owner has switched it off.
func (s *Service) Config(channel, account string) (wit.JSON, bool) {
	a, ok := s.roster.get(message.Account{Channel: channel, ID: account})
	if !ok {
		return nil, false
	}
	v := a.view.Load()
	return v.settings.Config, !v.removed && v.settings.rest() == ""
}

// Visit has an account handle a visitor's call, whose token was right, and returns what the plugin replies once that is committed; nil where it
// says nothing. Errors: CodeNotFound; those of an event that is not handled, after which the call may be made again.
func (s *Service) Visit(ctx context.Context, channel, account string, call *wit.WebhookRequest) (*wit.WebhookReply, error) {
	a, ok := s.roster.get(message.Account{Channel: channel, ID: account})
	if !ok {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no account %s of %s", account, channel)
	}
	o, err := a.handle(ctx, &input{origin: fromWebhook, event: wit.ChannelEvent{Kind: wit.EventKindWebhook, Webhook: call}})
	return o.reply, err
}

// owner is whose webhook an account's is.
func (d *door) owner(a *account, p Plugin) proof.Owner {
	return proof.Owner{
		ID: a.id.Channel + "/" + a.id.ID,
		Credential: func(ctx context.Context, name string) (string, error) {
			return d.credentials.Get(ctx, a.id.Channel, a.id.ID, name)
		},
		Setting: func(field string) string { return p.Setting(a.id.ID, field) },
		Fetch: func(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			return p.Do(ctx, a.id.ID, r)
		},
	}
}
