package slack

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// handleResponse takes the response to a request of an earlier answer.
func handleResponse(a *answer, response *wit.HTTPResponse) {
	kind, which, current := account.ParseRequestID[requestKind](response.ID, a.State.generation)
	if !current {
		return
	}
	r := decode(response)
	switch {
	// What failed for a name or a probe is no reason to connect anew, so these look at it themselves.
	case kind == requestUser, kind == requestPlace:
		named(a, kind, which, r)
		return
	case kind == requestProbe:
		probed(a, r)
		return
	}
	if r.Wait > 0 && !r.ok {
		a.State.notBefore = a.Now + r.Wait
	} else {
		a.State.notBefore = 0
	}
	switch {
	case !r.ok:
		requestFailed(a, kind, r)
	case kind == requestMe:
		identified(a, r)
	case kind == requestOpen:
		socketFound(a, r.Value.Get("url").Text())
	}
}
