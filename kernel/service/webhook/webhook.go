// Package webhook serves calls that come over HTTP from strangers and are a plugin's to answer.
//
// A Guard reads a call within its bounds and authenticates it by the recipe that the plugin has declared, and Respond writes
// the answer; the accounts of channels take their webhooks by them too. Service is the door for those of plugins which are
// webhooks themselves: /plugins/{id}/{path}. It keeps nothing. A call goes to the version of the plugin that is current when
// the call has been read and ends on that one; where the route is no longer what it was read by, and whenever the plugin
// cannot be called, who calls is asked to come again. Everything is safe for concurrent use.
package webhook

import (
	"context"
	"net/http"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/wit"
)

// Plugins finds what answers calls.
type Plugins interface {
	// Webhook finds a plugin, also one that cannot be called now, and what is known of it. Errors: CodeNotFound; CodeUnavailable
	// where nobody knows what it has.
	Webhook(id string) (Plugin, error)
}

// Plugin answers calls.
type Plugin interface {
	// Provides is what the plugin is.
	Provides() *wit.Provides
	// Setting is a text of its configuration, "" where there is none.
	Setting(field string) string
	// Fetch makes a request under its permission.
	Fetch(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error)
	// Handle answers a call by a route, if the plugin still has this one as it is given.
	Handle(ctx context.Context, route *wit.WebhookRoute, call *wit.WebhookCall) (*wit.WebhookReply, error)
}

// Deps is what the service stands on.
type Deps struct {
	Plugins     Plugins
	Credentials Credentials
	Proofs      *proof.Checker
	Log         hclog.Logger
}

// New returns the service.
func New(d Deps) service.Service {
	log := d.Log.Named("webhook")
	door := &door{d.Plugins, d.Credentials, Guard{d.Proofs, log}, log}
	return service.Service{Name: "webhook", Routes: []service.Route{{Pattern: "/plugins/{id}/*", Takes: door.takes, Handler: door, MaxBody: MaxBody}}}
}

// door serves /plugins/{id}/{path}: 404 without such a route, 503 with Retry-After when the plugin cannot be called now, else
// what Guard.Read or the plugin answers.
type door struct {
	plugins     Plugins
	credentials Credentials
	guard       Guard
	log         hclog.Logger
}

// cut splits the path of a call into the plugin's id and what is below it.
func cut(r *http.Request) (id, path string) {
	id, path, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/plugins/"), "/")
	return id, path
}

// takes reports whether a call is for a plugin's own route. All other calls below /plugins/ are for the accounts of channels:
// those of a channel with a webhook, but for what begins with a name that no account has.
func (d *door) takes(r *http.Request) bool {
	id, path := cut(r)
	p, err := d.plugins.Webhook(id)
	if err != nil {
		return wit.CodeOf(err) == wit.CodeUnavailable
	}
	is := p.Provides()
	return len(is.Webhooks) > 0 && (is.Channel == nil || is.Channel.Webhook == nil || strings.HasPrefix(path, "-/"))
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, path := cut(r)
	p, err := d.plugins.Webhook(id)
	if wit.CodeOf(err) == wit.CodeUnavailable {
		Unavailable(w)
		return
	}
	if err != nil {
		http.NotFound(w, r)
		return
	}
	route, rest := find(p.Provides().Webhooks, path)
	if route == nil {
		http.NotFound(w, r)
		return
	}
	call, ok := d.guard.Read(w, r, d.owner(id, route.Path, p), &route.Accepts)
	if !ok {
		return
	}
	call.Request.Path = rest
	reply, err := p.Handle(r.Context(), route, &wit.WebhookCall{Route: route.Path, Request: *call.Request})
	call.Conclude(r.Context(), err == nil && reply.Status < 300)
	if err != nil {
		d.log.Warn("webhook failed", "plugin", id, "route", route.Path, "error", err)
		Fail(w, err)
		return
	}
	Respond(w, reply)
}

// owner is whose webhook a route is. A call that was taken at one route is another call at the next.
func (d *door) owner(id, route string, p Plugin) proof.Owner {
	return proof.Owner{
		ID: id + "/" + route,
		Credential: func(ctx context.Context, name string) (string, error) {
			return d.credentials.Get(ctx, id, "", name)
		},
		Setting: p.Setting, Fetch: p.Fetch,
	}
}

// find returns the route for a path below the plugin, nil where there is none, and what of the path follows the route's own.
func find(routes []wit.WebhookRoute, path string) (route *wit.WebhookRoute, rest string) {
	for i := range routes {
		own, below := strings.CutSuffix(routes[i].Path, "/*")
		after, fits := strings.CutPrefix(path, own)
		fits = fits && (after == "" || below && after[0] == '/')
		if fits && (route == nil || longer(routes[i].Path, route.Path)) {
			route, rest = &routes[i], "/"+strings.TrimPrefix(after, "/")
		}
	}
	return route, rest
}

// longer reports whether of two paths that fit the first says more: more segments, or that there is nothing below.
func longer(a, b string) bool {
	own, other := strings.TrimSuffix(a, "/*"), strings.TrimSuffix(b, "/*")
	return len(own) > len(other) || len(own) == len(other) && len(a) < len(b)
}
