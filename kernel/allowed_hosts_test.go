package kernel_test

import (
	"net/http"
	"testing"

	"github.com/coder/websocket"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// TestHostsOfTheConfigFile: a page served under a name of gateway.hosts may connect, one of any other
// name may not.
func TestHostsOfTheConfigFile(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Config(t, `{"gateway": {"hosts": ["chat.example.org"]}}`))
	for name, ok := range map[string]bool{"chat.example.org": true, "evil.example.org": false} {
		ws, res, err := websocket.Dial(t.Context(), "ws://"+name+"/ws", &websocket.DialOptions{
			HTTPClient: k.HTTP(), HTTPHeader: http.Header{"Origin": {"https://" + name}},
		})
		if err == nil {
			defer ws.CloseNow()
		}
		if (err == nil) != ok || !ok && (res == nil || res.StatusCode != http.StatusForbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
