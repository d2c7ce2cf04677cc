package linetest

import (
	"net/http"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

// Fault is something that goes wrong with a call: token, info, push, reply, loading, content, profile and others, as routes names them.
// There are no codes.
type Fault = fault.HTTP[string]

// injected answers with a fault.
func injected(w http.ResponseWriter, f *Fault) {
	f.Wait(w, "Retry-After")
	refuse(w, &apiError{f.Status, "injected"})
}
