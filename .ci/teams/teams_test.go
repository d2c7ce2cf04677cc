// Package teams_test drives the test server of the Bot Connector with Microsoft's own client library for Node, as it is
// published, which also checks the tokens that the server posts activities with.
package teams_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/teams/teamstest"
)

// TestNode: what the library for Node accepts, the plugin was tested against.
func TestNode(t *testing.T) {
	s := teamstest.New(teamstest.Config{})
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ada := teamstest.Person{ID: "29:ada", Name: "Ada"}
	chat := s.Meet(ada)
	channel := s.Open(teamstest.Chat{ID: "19:news@thread.tacv2", Type: "channel", Name: "News"})
	activity := s.Activity(ada, chat, "", map[string]any{"text": "hi"})
	activity["id"] = s.Say(ada, chat, "", "hi")
	input, err := json.Marshal(map[string]any{"activity": activity, "bearer": s.Sign(s.Claims()), "app": teamstest.DefaultAppID})
	if err != nil {
		t.Fatal(err)
	}
	root := s.Service()[:len(s.Service())-len("/teams/")]
	node := exec.CommandContext(t.Context(), "node", "client.mjs", root, s.Token(), chat.ID, channel.ID)
	node.Stdin = bytes.NewReader(input)
	out, err := node.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	got := s.Sent()
	if len(got) != 3 || got[0].Text != "changed" || got[0].Edits != 1 || !got[1].Deleted || got[1].ReplyTo != activity["id"] || got[2].Thread != got[2].ID || len(s.Typed()) != 1 {
		t.Errorf("%+v", got)
	}
}
