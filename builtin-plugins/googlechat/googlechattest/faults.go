package googlechattest

import (
	"net/http"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

// Fault is something that goes wrong with a call: create, patch, delete, list, find or media. Where is "card" for a message with one.
// The codes are Google's.
type Fault = fault.HTTP[string]

// injected answers with a fault.
func injected(w http.ResponseWriter, f *Fault) {
	f.Wait(w, "Retry-After")
	refuse(w, &apiError{f.Status, f.Code, "injected"})
}
