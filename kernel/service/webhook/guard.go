package webhook

import (
	"context"
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

// Guard reads calls and authenticates them. It may be copied.
type Guard struct {
	Proofs *proof.Checker
	Log    hclog.Logger
}

// Call is one that was read and is authentic. It has to be concluded.
type Call struct {
	Request *wit.WebhookRequest

	owner   string
	verdict *proof.Verdict
	log     hclog.Logger
}

// Conclude says whether the plugin has taken the call.
func (c *Call) Conclude(ctx context.Context, taken bool) {
	if err := c.verdict.Concluded(context.WithoutCancel(ctx), taken); err != nil {
		c.log.Warn("a webhook's call may be taken once more: it could not be written down", "at", c.owner, "error", err)
	}
}

// admit checks a call by a recipe, and logs why one is refused.
func (g Guard) admit(r *http.Request, o proof.Owner, facts *wit.WebhookFacts, body []byte) *proof.Verdict {
	v := g.Proofs.Check(r.Context(), o, facts, r, body)
	if v.Reason != "" {
		g.Log.Warn("webhook not handed over", "at", o.ID, "status", v.Status, "reason", v.Reason)
	}
	return v
}
