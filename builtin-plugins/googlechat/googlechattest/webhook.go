package googlechattest

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Endpoint sets the address that events are posted to, as the Cloud console does. Nil is the usual client.
func (s *Server) Endpoint(address string, client *http.Client) {
	s.To(func(events []map[string]any) bool {
		status, _ := s.Post(s.Life, client, address, events[0], s.Sign(s.Claims()))
		return status/100 == 2
	})
}

// Post posts an event with a token, and returns the answer; its status is 0 where there is none.
func (s *Server) Post(ctx context.Context, client *http.Client, address string, event map[string]any, token string) (status int, text string) {
	body, _ := json.Marshal(event) // maps, texts and numbers
	status, answer := web.Call(ctx, client, address, body, web.Bearer(token))
	return status, string(answer)
}
