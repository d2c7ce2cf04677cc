package teamstest

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Endpoint sets the address that activities are posted to, as the Azure portal does. Nil is the usual client.
func (s *Server) Endpoint(address string, client *http.Client) {
	s.To(func(activities []map[string]any) bool {
		a := activities[0]
		status, text := s.Post(s.Life, client, address, a, s.Sign(s.Claims()))
		taken := status/100 == 2
		if taken && a["type"] == "invoke" {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.answers = append(s.answers, text)
		}
		return taken
	})
}

// Answers are what invokes were answered with.
func (s *Server) Answers() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.answers...)
}

// Post posts an activity with a token, and returns the answer; its status is 0 where there is none.
func (s *Server) Post(ctx context.Context, client *http.Client, address string, a map[string]any, token string) (status int, text string) {
	body, _ := json.Marshal(a) // maps, texts and numbers
	status, answer := web.Call(ctx, client, address, body, web.Bearer(token))
	return status, string(answer)
}
