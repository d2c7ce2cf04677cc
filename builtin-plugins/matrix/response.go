package matrix

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// handleResponse takes the response to a request of an earlier answer.
func handleResponse(a *answer, response *wit.HTTPResponse) {
	kind, which, current := account.ParseRequestID[requestKind](response.ID, a.State.generation)
	if !current || kind == requestAside {
		return
	}
	r := decode(response)
	switch {
	case r.Wait > 0:
		a.State.notBefore = max(a.State.notBefore, a.Now+r.Wait)
	case kind != requestQuote && kind != requestRoom && kind != requestJoin: // several at once: one that is answered does not end another's pause
		a.State.notBefore = 0
	}
	switch kind {
	// What failed for these is no reason to connect anew, so they look at it themselves.
	case requestQuote, requestRoom:
		lookedUp(a, kind, which, r)
	case requestJoin:
		joined(a, which, r)
	case requestProbe:
		probed(a, r)
	case requestWellKnown:
		wellKnown(a, r)
	case requestPage:
		pageCame(a, r)
	default:
		proceed(a, kind, r)
	}
}

// proceed takes the response to one of the requests by which the account goes on.
func proceed(a *answer, kind requestKind, r result) {
	switch {
	case kind == requestProfile && !wit.CodeOf(r.err()).Transient():
		named(a, r) // an account without a profile has no name
	case kind == requestVersions && !r.ok:
		noMatrix(a, r)
	case kind == requestSync && a.State.since != "" && r.Failure == nil && r.meaning().Code == wit.CodeInvalid && !r.ok:
		lostPlace(a, r)
	case !r.ok:
		requestFailed(a, kind, r)
	case kind == requestVersions:
		versionsKnown(a, r.Value)
	case kind == requestMe:
		known(a, r.Value)
	case kind == requestSync:
		recovered(a)
		receiveSync(a, r.Value)
	}
}
