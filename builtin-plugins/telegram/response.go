package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// handleResponse takes the response to a request of an earlier answer.
func handleResponse(a *answer, response *wit.HTTPResponse) {
	kind, which, current := account.ParseRequestID[requestKind](response.ID, a.State.generation)
	if !current || kind == requestButton {
		return
	}
	r := decode(response)
	if kind == requestMenu { // a pause that is asked for there is not one for the rest
		menuSet(a, which, r)
		return
	}
	switch {
	case r.Wait > 0:
		a.State.notBefore = max(a.State.notBefore, a.Now+r.Wait)
	case kind != requestFile: // files are asked for all at once: one that is answered does not end another's pause
		a.State.notBefore = 0
	}
	switch {
	// What failed for a file or a probe is no reason to connect anew, so these two look at it themselves.
	case kind == requestFile:
		fileLocated(a, which, r)
	case kind == requestProbe:
		probed(a, r)
	case !r.ok:
		requestFailed(a, kind, r)
	case kind == requestMe:
		connected(a, readPerson(r.Value))
	case kind == requestWebhookInfo:
		webhookFound(a, r.Value.Get("url").Text())
	case kind == requestDeleteWebhook, kind == requestSetWebhook:
		recovered(a)
		resume(a)
	case kind == requestUpdates:
		recovered(a)
		receiveUpdates(a, r.Value)
	}
}
