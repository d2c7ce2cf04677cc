package zulip

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
	case r.Wait > 0:
		a.State.notBefore = max(a.State.notBefore, a.Now+r.Wait)
	case kind != requestLookup: // several at once: one that is answered does not end another's pause
		a.State.notBefore = 0
	}
	switch {
	// What failed for these is no reason to connect anew, so they look at it themselves.
	case kind == requestLookup:
		lookedUp(a, which, r)
	case kind == requestProbe:
		probed(a, r)
	case kind == requestEvents && r.isLost():
		lostQueue(a, r)
	case !r.ok:
		requestFailed(a, kind, r)
	case kind == requestMe:
		knownMe(a, r.Value)
	case kind == requestRegister:
		registered(a, r.Value)
	case kind == requestNewest:
		connected(a)
		newest(a, r.Value)
	case kind == requestMissed:
		connected(a)
		receiveMissed(a, r.Value)
	case kind == requestEvents:
		connected(a)
		receiveEvents(a, r.Value)
	}
}
