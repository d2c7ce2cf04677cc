package googlechat_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/googlechat"
	"github.com/carapace-gateway/carapace/builtin-plugins/googlechat/googlechattest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

var (
	ada  = googlechattest.Person{Name: "users/1", DisplayName: "Ada", Email: "ada@example.org"}
	club = googlechattest.Space{Name: "spaces/club", Type: "SPACE", DisplayName: "Club"}
)

// gateway is an account with a server of the Chat API.
type gateway struct {
	*rig.Rig
	t      *testing.T
	server *googlechattest.Server
}

// RoundTrip hands an event to the account, as the kernel does once it has checked the token.
func (g *gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	reply := g.Call(&wit.WebhookRequest{Method: r.Method, Path: "/", Text: new(string(body))})
	if reply == nil || reply.Text == nil || *reply.Text != "{}" {
		g.t.Errorf("an event is answered %+v", reply)
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}")), Header: http.Header{}}, nil
}

// newGateway is a started account, which Ada and the club know.
func newGateway(t *testing.T) *gateway {
	t.Helper()
	s := googlechattest.New(googlechattest.Config{})
	config, err := json.Marshal(s.Settings())
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, server: s}
	host := &sdktest.Host{HTTP: s, Credentials: map[string]string{"accessToken": s.Token()}}
	g.Rig = rig.New(t, googlechat.New(), host, string(config))
	g.Rig.Server = s
	t.Cleanup(func() { _ = s.Close() })
	s.Meet(ada)
	s.Open(club)
	g.Connected()
	s.Endpoint("http://gateway/", &http.Client{Transport: g})
	return g
}

func toAda() wit.Conversation {
	return wit.Conversation{Kind: wit.ConversationKindDirect, ID: "spaces/dm-1"}
}

func toClub() wit.Conversation {
	return wit.Conversation{Kind: wit.ConversationKindGroup, ID: club.Name}
}

// sends returns the message that a send made.
func (g *gateway) sends(s wit.ChannelSend) googlechattest.Sent {
	g.t.Helper()
	before := len(g.server.Sent())
	if s.To.ID == "" {
		s.To = toAda()
	}
	ids := g.Send(s)
	got := g.server.Sent()[before:]
	if len(got) != 1 || len(ids) != 1 || ids[0] != got[0].Name {
		g.t.Fatalf("ids %v of %+v", ids, got)
	}
	return got[0]
}
