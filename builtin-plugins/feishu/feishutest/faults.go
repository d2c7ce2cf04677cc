package feishutest

import (
	"net/http"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

// Fault is something that goes wrong with a call: token, bot, send, edit, patch, delete, get, react, image, file, user and others, as
// routes names them. The codes are Feishu's.
type Fault = fault.HTTP[int]

// injected answers with a fault.
func injected(w http.ResponseWriter, f *Fault) {
	f.Wait(w, "X-Ogw-Ratelimit-Reset")
	refuse(w, &apiError{f.Status, f.Code, "injected"})
}
