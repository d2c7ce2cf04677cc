package line

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/menu"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// LINE lists no commands when somebody types a slash, and its rich menu is a picture that the owner draws. So a text that lists commands,
// as the answer to /help does, has them as quick replies, which say them ("Quick reply", "Message action").

// Limits of quick replies, and how many commands make a list.
const (
	mostReplies   = 13
	fewestInAList = 3
)

// listedCommands are the gateway's commands with which lines of a text begin, nil where these are too few to be a list.
func listedCommands(text string) (names []string) {
	known := map[string]bool{}
	for _, c := range menu.Default() {
		known["/"+c.Name] = true
	}
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if known[name] && len(names) < mostReplies {
			known[name] = false // once
			names = append(names, name)
		}
	}
	if len(names) < fewestInAList {
		return nil
	}
	return names
}

// commandReplies are quick replies that say commands.
func commandReplies(names []string) wit.JSON {
	items := json.Array{}
	for _, name := range names {
		action := json.Object{}.Text("type", "message").Text("label", name).Text("text", name).JSON()
		items = items.Add(json.Object{}.Text("type", "action").Raw("action", action).JSON())
	}
	return json.Object{}.Raw("items", items.JSON()).JSON()
}
