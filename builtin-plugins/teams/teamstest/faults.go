package teamstest

import (
	"net/http"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

// Fault is something that goes wrong with a call: post, create, edit, delete, list, upload or file. Where is the type of the activity, or
// of its first attachment, or its textFormat. The codes are the connector's.
type Fault = fault.HTTP[string]

// injected answers with a fault.
func injected(w http.ResponseWriter, f *Fault) {
	f.Wait(w, "Retry-After")
	refuse(w, &apiError{f.Status, f.Code, "injected"})
}
