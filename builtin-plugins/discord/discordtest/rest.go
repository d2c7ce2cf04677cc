package discordtest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// routes are the API's.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for route, h := range map[string]handler{
		"GET /gateway":                               getGateway,
		"GET /gateway/bot":                           getGatewayBot,
		"GET /users/@me":                             getMe,
		"GET /users/@me/guilds":                      getMyGuilds,
		"GET /users/{user}":                          getUser,
		"POST /users/@me/channels":                   createDM,
		"GET /guilds/{guild}":                        getGuild,
		"GET /guilds/{guild}/channels":               getGuildChannels,
		"GET /guilds/{guild}/members/search":         searchMembers,
		"GET /channels/{channel}":                    getChannel,
		"GET /channels/{channel}/messages/{message}": getMessage,
		sending: createMessage,
		"PATCH /channels/{channel}/messages/{message}":                    editMessage,
		"DELETE /channels/{channel}/messages/{message}":                   deleteMessage,
		"PUT /channels/{channel}/messages/{message}/reactions/{e}/@me":    createReaction,
		"DELETE /channels/{channel}/messages/{message}/reactions/{e}/@me": deleteReaction,
		"POST /channels/{channel}/typing":                                 triggerTyping,
		"PUT /applications/{application}/commands":                        putCommands,
		"GET /applications/{application}/commands":                        getCommands,
		"POST /interactions/{id}/{token}/callback":                        answerInteraction,
	} {
		s.on(mux, route, h)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, &apiError{Status: 404, Message: "404: Not Found"})
	})
	return mux
}

func getGateway(s *Server, _ *request) (any, error) {
	return map[string]any{"url": strings.Replace(s.Root(), "http", "ws", 1)}, nil
}

func getGatewayBot(s *Server, _ *request) (any, error) {
	remaining := 1000
	if s.cfg.Starts != 0 {
		remaining = max(s.cfg.Starts-s.Stats().Identifies, 0)
	}
	return map[string]any{
		"url": strings.Replace(s.Root(), "http", "ws", 1), "shards": 1,
		"session_start_limit": map[string]any{"total": 1000, "remaining": remaining, "reset_after": 60_000, "max_concurrency": 1},
	}, nil
}

func getMe(s *Server, _ *request) (any, error) { return s.Bot(), nil }

func getMyGuilds(s *Server, _ *request) (any, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	list := []map[string]string{}
	for _, g := range s.guilds {
		list = append(list, map[string]string{"id": g.ID, "name": g.Name})
	}
	return list, nil
}

func getUser(s *Server, r *request) (any, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if u, known := s.users[r.PathValue("user")]; known {
		return u, nil
	}
	return nil, &apiError{Status: 404, Code: 10013, Message: "Unknown User"}
}

func createDM(s *Server, r *request) (any, error) {
	var p struct {
		Recipient string `json:"recipient_id"`
	}
	if err := json.Unmarshal(r.body, &p); err != nil {
		return nil, invalidForm("recipient_id")
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	u, known := s.users[p.Recipient]
	if !known {
		return nil, &apiError{Status: 400, Code: 50033, Message: "Invalid Recipient(s)"}
	}
	return *s.direct(u), nil
}

func (w *world) guild(id string) (*Guild, error) {
	if g := w.guilds[id]; g != nil {
		return g, nil
	}
	return nil, &apiError{Status: 404, Code: 10004, Message: "Unknown Guild"}
}

func getGuild(s *Server, r *request) (any, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	g, err := s.guild(r.PathValue("guild"))
	if err != nil {
		return nil, err
	}
	return *g, nil
}

func getGuildChannels(s *Server, r *request) (any, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	g, err := s.guild(r.PathValue("guild"))
	if err != nil {
		return nil, err
	}
	return g.Channels, nil
}

func searchMembers(s *Server, r *request) (any, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if _, err := s.guild(r.PathValue("guild")); err != nil {
		return nil, err
	}
	query, list := strings.ToLower(r.URL.Query().Get("query")), []Member{}
	for _, u := range s.users {
		if strings.HasPrefix(strings.ToLower(u.Username), query) {
			list = append(list, Member{User: &u, Roles: []string{}})
		}
	}
	return list, nil
}

func getChannel(s *Server, r *request) (any, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	c := s.channels[r.PathValue("channel")]
	if c == nil {
		return nil, unknownChannel()
	}
	return *c, nil
}

func triggerTyping(s *Server, r *request) (any, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if s.channels[r.PathValue("channel")] == nil {
		return nil, unknownChannel()
	}
	return nil, nil
}

func putCommands(s *Server, r *request) (any, error) {
	var list []Command
	if err := json.Unmarshal(r.body, &list); err != nil {
		return nil, invalidForm("name")
	}
	for _, c := range list {
		if c.Name == "" || c.Name != strings.ToLower(c.Name) || c.Description == "" || len(c.Description) > 100 {
			return nil, invalidForm("name")
		}
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	s.world.commands = list
	return list, nil
}

func getCommands(s *Server, _ *request) (any, error) { return s.Commands(), nil }

// answerInteraction takes the first answer to an interaction, and only that.
func answerInteraction(s *Server, r *request) (any, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	token := r.PathValue("token")
	waiting, known := s.tokens[token]
	switch {
	case !known || token != "interaction-"+r.PathValue("id"):
		return nil, &apiError{Status: 404, Code: 10062, Message: "Unknown interaction"}
	case !waiting:
		return nil, &apiError{Status: 400, Code: 40060, Message: "Interaction has already been acknowledged."}
	}
	s.tokens[token] = false
	return nil, nil
}
