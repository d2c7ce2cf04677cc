package mattermost

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
	if r.Wait > 0 {
		a.State.notBefore = a.Now + r.Wait
	}
	switch {
	case kind == requestMe && r.ok:
		identified(a, r)
	case kind == requestMe:
		requestFailed(a, r)
	case kind == requestLimit && r.ok:
		limited(a, r)
	case kind == requestList:
		listed(a, which, r)
	case kind == requestPosts:
		postsCame(a, which, r)
	case kind == requestUsers, kind == requestPlace:
		named(a, kind, which, r)
	case kind == requestProbe:
		probed(a, r)
	}
}
