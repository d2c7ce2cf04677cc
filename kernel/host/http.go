package host

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// HTTP makes a version's requests. Each goes out under the plugin's permission and with the credentials of an
// account, "" being the plugin itself.
type HTTP struct {
	reach       *reach
	credentials *Credentials
	client      *egress.Client
	places      places // of all versions
}

// Request is the guest's: Do, as the export that runs may use it. A pure one may not at all, so that its event can be
// handled again with the same outcome; any other asks for its own account, and waits while as many requests of the
// plugin run as may.
func (h *HTTP) Request(ctx context.Context, req *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	call := CallOf(ctx)
	if f := wit.Export(call.Export); f != nil && f.Pure {
		return nil, wit.Errorf(wit.CodeForbidden, "http: %s may not make requests: return them in the answer", call.Export)
	}
	if err := h.places.enter(ctx); err != nil {
		return nil, err
	}
	defer h.places.leave()
	return h.Do(ctx, call.Account, req)
}

// Do makes a request and returns its whole response. It takes none of the places, for it belongs to no call: how many
// of those run is bounded by who makes them. One that is answered 401 is made once more where it had an access token that can
// be renewed. Errors are those of egress.Client.Do, CodeForbidden for a missing
// permission, and CodeRateLimited.
func (h *HTTP) Do(ctx context.Context, account string, req *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	if err := h.reach.admit(req); err != nil {
		return nil, err
	}
	l := h.credentials.lease(account, h.credentials.For(ctx, account))
	res, err := h.client.Do(ctx, h.reach.policy(account), l.get, req)
	if err == nil && unauthorized(int(res.Status)) && l.refused(ctx) {
		return h.client.Do(ctx, h.reach.policy(account), l.get, req)
	}
	return res, err
}

// Stream is Do for a response that is read as it comes, and may say nothing for as long as silence, 0 for the usual time.
func (h *HTTP) Stream(ctx context.Context, account string, req *wit.HTTPRequest, silence time.Duration) (*egress.Response, error) {
	if err := h.reach.admit(req); err != nil {
		return nil, err
	}
	l := h.credentials.lease(account, h.credentials.For(ctx, account))
	policy := h.reach.policy(account)
	policy.Idle = silence
	res, err := h.client.Stream(ctx, policy, l.get, req)
	if err == nil && unauthorized(res.Status) && l.refused(ctx) {
		_ = res.Body.Close()
		return h.client.Stream(ctx, policy, l.get, req)
	}
	return res, err
}

// places are for requests that run, one each. A guest waits for one: it cannot do anything else meanwhile, and
// its call's deadline bounds that.
type places chan struct{}

func newPlaces() places { return make(places, wit.LimitHTTPAtOnce) }

// enter takes a place, which leave gives back, or fails with CodeTimeout when ctx ends first.
func (p places) enter(ctx context.Context) error {
	select {
	case p <- struct{}{}:
		return nil
	case <-ctx.Done():
		return wit.NewError(wit.CodeTimeout, "http: too many requests of this plugin are running")
	}
}

func (p places) leave() { <-p }
