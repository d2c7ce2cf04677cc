package teams_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/menu"
)

// commandList is one of an app's manifest: a menu for some places (Teams app manifest, bots.commandLists).
type commandList struct {
	Scopes   []string  `json:"scopes"`
	Commands []command `json:"commands"`
}

type command struct {
	Title       string `json:"title"`
	Description string `json:"description"`
}

func listOf(commands []menu.Command, scopes ...string) commandList {
	l := commandList{Scopes: scopes}
	for _, c := range commands {
		l.Commands = append(l.Commands, command{"/" + c.Name, c.About})
	}
	return l
}

// TestMenu: the manifest that the page shows lists what the gateway understands, within Teams' bounds, and what somebody picks
// there, which Teams writes into the text, is a command.
func TestMenu(t *testing.T) {
	channeltest.Proves(t, channeltest.Commands)
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	text, _, _ := strings.Cut(rest, "```")
	var manifest struct {
		Bots []struct {
			Scopes       []string
			CommandLists []commandList
		}
	}
	if err := json.Unmarshal([]byte(text), &manifest); err != nil || len(manifest.Bots) != 1 {
		t.Fatalf("%v: %s", err, text)
	}
	want := []commandList{listOf(menu.Default(), "personal"), listOf(menu.Shared(), "groupChat", "team")}
	if got := manifest.Bots[0].CommandLists; !reflect.DeepEqual(got, want) {
		shown, _ := json.MarshalIndent(want, "", "  ")
		t.Errorf("the page has to show\n%s", shown)
	}
	for _, l := range want {
		if len(l.Commands) > 10 {
			t.Errorf("%d commands: Teams lists ten", len(l.Commands))
		}
		for _, c := range l.Commands {
			if len(c.Title) > 32 || len(c.Description) > 128 {
				t.Errorf("%+v is too long", c)
			}
		}
	}
	g := newGateway(t)
	g.server.Say(ada, g.server.Meet(ada), "", "/new")
	if m := g.Last(1); m.Text != "/new" {
		t.Errorf("%+v", m)
	}
	g.server.Mention(ada, club, "", " /status ")
	if m := g.Last(2); strings.TrimSpace(m.Text) != "/status" || !m.Mentioned {
		t.Errorf("%q", m.Text)
	}
}
