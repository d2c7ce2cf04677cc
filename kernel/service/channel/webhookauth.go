package channel

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/wit"
)

// Credentials finds what webhooks are authenticated with.
type Credentials interface {
	// Get fails with CodeNotFound when there is none.
	Get(ctx context.Context, plugin, account, name string) (string, error)
}

// guard authenticates webhooks.
type guard struct {
	credentials Credentials
	proofs      *proof.Checker
	log         hclog.Logger
}

// admit checks a call by the recipe of the account's channel, and logs why one is refused.
func (g guard) admit(r *http.Request, a *account, p Plugin, body []byte) *proof.Verdict {
	owner := proof.Owner{
		ID: a.id.Channel + "/" + a.id.ID,
		Credential: func(ctx context.Context, name string) (string, error) {
			return g.credentials.Get(ctx, a.id.Channel, a.id.ID, name)
		},
		Setting: func(field string) string { return textOf(a.view.Load().settings.Config, field) },
		Fetch: func(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			return p.Do(ctx, a.id.ID, r)
		},
	}
	v := g.proofs.Check(r.Context(), owner, p.Facts().Webhook, r, body)
	if v.Reason != "" {
		g.log.Warn("webhook not handed over", "account", a.id, "status", v.Status, "reason", v.Reason)
	}
	return v
}

// textOf is a text in a configuration, "" where there is none.
func textOf(config wit.JSON, field string) string {
	var fields map[string]json.RawMessage
	var text string
	_ = json.Unmarshal(config, &fields) // an account may have none
	_ = json.Unmarshal(fields[field], &text)
	return text
}
