package ntfytest

import (
	"net/http"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

// Fault is something that goes wrong with a request: publish, poll, check, ws or file. The codes are ntfy's.
type Fault = fault.HTTP[int]

// injected answers with a fault.
func injected(w http.ResponseWriter, f *Fault) {
	f.Wait(w, "Retry-After")
	(&apiError{f.Status, f.Code, "injected"}).answer(w)
}
