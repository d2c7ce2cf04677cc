package gateway

import (
	"net/http"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Admit decides about a request of a service's route: by its bearer token, as auth.HTTP does, and for browsers by the
// origin, as connections are decided about. Errors: CodeUnauthorized; CodeForbidden for a page of another origin.
func (g *Gateway) Admit(r *http.Request) (*rpc.Caller, error) {
	if err := g.origin(r); err != nil {
		return nil, err
	}
	return g.door.auth.HTTP(r)
}

// AdmitScope is Admit for requests that paired devices may make too, as auth.HTTPScope says. Errors: as Admit's; CodeForbidden
// for a device that lacks the scope.
func (g *Gateway) AdmitScope(r *http.Request, want wire.Scope) (*rpc.Caller, error) {
	if err := g.origin(r); err != nil {
		return nil, err
	}
	return g.door.auth.HTTPScope(r, want)
}

func (g *Gateway) origin(r *http.Request) error {
	if !originAllowed(r, g.door.origins, g.door.hosts) {
		return wit.Errorf(wit.CodeForbidden, "pages of %.100q may not call this gateway: list the origin in gateway.allowedOrigins", r.Header.Get("Origin"))
	}
	return nil
}

// Page decides about a request that a browser may have made by itself, with a cookie: neither a page of another origin may
// have made it, also where the browser says only that much, nor may it come by a name that is not the gateway's. Errors:
// CodeForbidden.
func (g *Gateway) Page(r *http.Request) error {
	if host := auth.Hostname(r.Host); !ours(host, g.door.hosts) {
		return wit.Errorf(wit.CodeForbidden, "%.100q is no name of this gateway: list it in gateway.hosts", host)
	}
	site := r.Header.Get("Sec-Fetch-Site")
	if r.Header.Get("Origin") == "" && site != "" && site != "same-origin" && site != "none" {
		return wit.NewError(wit.CodeForbidden, "a page of another site may not call this gateway")
	}
	return g.origin(r)
}
