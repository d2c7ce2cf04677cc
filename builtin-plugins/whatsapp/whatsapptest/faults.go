package whatsapptest

import (
	"net/http"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

// Fault is something that goes wrong with a call: number, messages, media, locate or download. Where is the type of message. The codes
// are Meta's.
type Fault = fault.HTTP[int]

// injected answers with a fault.
func injected(w http.ResponseWriter, f *Fault) {
	f.Wait(w, "Retry-After")
	refuse(w, &apiError{f.Status, f.Code, "injected"})
}
