package matrix_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/matrix"
	"github.com/carapace-gateway/carapace/builtin-plugins/matrix/matrixtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// account is one of the bot's, with its server.
type account struct {
	*rig.Rig
	server *matrixtest.Server
	bot    *matrixtest.User
}

// newAccount is an account of a new server that is not started. In the configuration ROOT stands for the server's address.
func newAccount(t *testing.T, c matrixtest.Config, config string) *account {
	t.Helper()
	s := matrixtest.New(c)
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bot := s.Register("bot", "Carapace")
	host := &sdktest.Host{
		HTTP: s, Credentials: map[string]string{"accessToken": bot.Token()}, Media: map[string]wit.MediaInfo{}, Files: map[string][]byte{},
	}
	t.Cleanup(func() { _ = s.Close() })
	g := &account{Rig: rig.New(t, matrix.New(), host, strings.ReplaceAll(config, "ROOT", root)), server: s, bot: bot}
	g.Server = s
	// A first sync brings nothing, but says from where on what is new counts.
	g.Keeps = func(before wit.JSON) bool { return !strings.Contains(string(before), `"since"`) }
	return g
}

const everybody = `{"homeserver":"ROOT","autoJoin":"all"}`

// connected is an account that reads what is new, with somebody and a direct room that the bot is in.
func connected(t *testing.T, c matrixtest.Config) (g *account, ann *matrixtest.User, room string) {
	t.Helper()
	g = newAccount(t, c, everybody)
	ann = g.server.Register("ann", "Ann")
	g.Start()
	g.Until("it reads", g.reads)
	room = ann.CreateRoom(matrixtest.RoomOptions{Direct: true, Invite: []string{g.bot.ID}})
	g.Until("it comes", func() bool { return slices.Contains(g.server.Members(room), g.bot.ID) && g.reads() })
	return g, ann, room
}

// reads reports whether a sync is waiting for what is new.
func (g *account) reads() bool { return g.server.Syncing(g.bot.ID) }

// keep puts a file into the media store.
func (g *account) keep(id, name, mime string, data []byte) {
	g.Host.Media[id] = wit.MediaInfo{Media: id, Mime: mime, Name: &name, Size: int64(len(data))}
	g.Host.Files[id] = data
}
