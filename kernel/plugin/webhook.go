package plugin

import (
	"bytes"
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// Webhook is a plugin's handle as what answers HTTP calls. Errors are as for Channel.
type Webhook struct {
	handle
	provides *wit.Provides
}

// Webhook returns a plugin by its id, with what it is, whether or not it can be called now. It loads no code. Errors:
// CodeNotFound, and CodeUnavailable for a plugin of which nobody knows what it is, since its manifest cannot be read.
func (r *Registry) Webhook(id string) (*Webhook, error) {
	s := r.table.of(id)
	if s == nil {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no plugin %s", id)
	}
	m := s.manifest()
	if m == nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "plugin %s is %s: %s", id, s.status.Phase, s.status.Reason)
	}
	return &Webhook{handle{r.versions, id}, &m.Provides}, nil
}

// Provides is what the plugin was when the handle was made.
func (w *Webhook) Provides() *wit.Provides { return w.provides }

// Fetch is Do without an account.
func (w *Webhook) Fetch(ctx context.Context, req *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	return w.Do(ctx, "", req)
}

// Handle answers a call that has passed a route's recipe. CodeUnavailable when the version that is current by now has not
// the same route: the call has to be read again.
func (w *Webhook) Handle(ctx context.Context, route *wit.WebhookRoute, c *wit.WebhookCall) (*wit.WebhookReply, error) {
	own := *c
	if err := w.fill(&own.Config, ""); err != nil {
		return nil, err
	}
	return call[wit.WebhookReply](ctx, w.versions, w.id, request{export: "webhook_handle", fits: func(m *wit.Manifest) error {
		for i := range m.Provides.Webhooks {
			if bytes.Equal(wit.Marshal(&m.Provides.Webhooks[i]), wit.Marshal(route)) {
				return nil
			}
		}
		return wit.Errorf(wit.CodeUnavailable, "plugin %s has another route %s by now than the call was read by", w.id, route.Path)
	}}, &own)
}
