package nextcloudtest

import (
	"net/http"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

// Fault is something that goes wrong with a call, by its name in routes.go, such as chat or say. The code is the answer's message.
type Fault = fault.HTTP[string]

// injected answers with a fault.
func injected(w http.ResponseWriter, f *Fault) {
	f.Wait(w, "Retry-After")
	writeOCS(w, f.Status, f.Code, nil)
}
