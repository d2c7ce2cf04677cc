package gateway

import (
	"net/http"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/wit"
)

// Admit decides about a request of a service's route: by its bearer token, as auth.HTTP does, and for browsers by the
// origin, as connections are decided about. Errors: CodeUnauthorized; CodeForbidden for a page of another origin.
func (g *Gateway) Admit(r *http.Request) (*rpc.Caller, error) {
	if !originAllowed(r, g.door.origins, g.door.hosts) {
		return nil, wit.Errorf(wit.CodeForbidden, "pages of %.100q may not call this gateway: list the origin in gateway.allowedOrigins", r.Header.Get("Origin"))
	}
	return g.door.auth.HTTP(r)
}
