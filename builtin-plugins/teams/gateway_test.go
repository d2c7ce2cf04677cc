package teams_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/teams"
	"github.com/carapace-gateway/carapace/builtin-plugins/teams/teamstest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

var (
	ada  = teamstest.Person{ID: "29:ada", Name: "Ada"}
	club = teamstest.Chat{ID: "19:club@thread.v2", Type: "groupChat", Name: "Club"}
	news = teamstest.Chat{ID: "19:news@thread.tacv2", Type: "channel", Name: "News", Team: "Engines"}
)

// gateway is an account with a server of the Bot Connector.
type gateway struct {
	*rig.Rig
	t      *testing.T
	server *teamstest.Server
}

// RoundTrip hands an activity to the account, as the kernel does once it has checked the token.
func (g *gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	reply, text := g.Call(&wit.WebhookRequest{Method: r.Method, Path: "/", Text: new(string(body))}), ""
	if reply == nil {
		reply = &wit.WebhookReply{Status: http.StatusInternalServerError}
	}
	if reply.Text != nil {
		text = *reply.Text
	}
	return &http.Response{StatusCode: int(reply.Status), Body: io.NopCloser(strings.NewReader(text)), Header: http.Header{}}, nil
}

// newGateway is a started account, which Ada and the club know.
func newGateway(t *testing.T) *gateway {
	t.Helper()
	s := teamstest.New(teamstest.Config{})
	config, err := json.Marshal(s.Settings())
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, server: s}
	host := &sdktest.Host{HTTP: s, Credentials: map[string]string{"accessToken": s.Token()}}
	g.Rig = rig.New(t, teams.New(), host, string(config))
	g.Rig.Server = s
	t.Cleanup(func() { _ = s.Close() })
	s.Meet(ada)
	s.Open(club)
	s.Open(news)
	g.Connected()
	s.Endpoint("http://gateway/", &http.Client{Transport: g})
	return g
}

// to is a conversation as messages have it.
func to(c teamstest.Chat) wit.Conversation {
	kinds := map[string]wit.ConversationKind{"personal": wit.ConversationKindDirect, "groupChat": wit.ConversationKindGroup, "channel": wit.ConversationKindChannel}
	return wit.Conversation{Kind: kinds[c.Type], ID: c.ID}
}

// sends returns the messages that a send made.
func (g *gateway) sends(s wit.ChannelSend) []teamstest.Sent {
	g.t.Helper()
	before := len(g.server.Sent())
	if s.To.ID == "" {
		s.To = to(g.server.Meet(ada))
	}
	ids := g.Send(s)
	got := g.server.Sent()[before:]
	for i, m := range got {
		if len(ids) != len(got) || ids[i] != m.Conversation()+"/"+m.ID && ids[i] != m.Chat+"/"+m.ID {
			g.t.Errorf("ids %v of %+v", ids, got)
		}
	}
	return got
}
