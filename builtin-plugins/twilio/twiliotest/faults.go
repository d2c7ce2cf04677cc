package twiliotest

import (
	"net/http"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

// Fault is something that goes wrong with a request: create, list or media. The codes are Twilio's.
type Fault = fault.HTTP[int]

// injected answers with a fault.
func injected(w http.ResponseWriter, f *Fault) {
	f.Wait(w, "Retry-After")
	(&apiError{f.Status, f.Code, "injected"}).answer(w)
}
