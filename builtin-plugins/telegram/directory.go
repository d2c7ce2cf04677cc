package telegram

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

var _ channel.Finder = Telegram{}

// Directory finds a chat by its id or its @username (getChat). Telegram lets bots search nobody, and tells them of people
// whom they have met, and of groups and channels with a username. Who has written to the bot the kernel knows by itself.
func (Telegram) Directory(host *sdk.Host, query *wit.DirectoryQuery) (*wit.DirectoryAnswer, error) {
	name := strings.TrimSpace(query.Query)
	if !strings.HasPrefix(name, "@") && !isNumber(strings.TrimPrefix(name, "-")) {
		return &wit.DirectoryAnswer{}, nil
	}
	c, err := newChat(host, query.Config, wit.Conversation{ID: name})
	if err != nil {
		return nil, err
	}
	r := c.call("getChat", params{})
	if !r.ok {
		if r.code == 400 && r.says("chat not found") {
			return &wit.DirectoryAnswer{}, nil
		}
		return nil, r.err()
	}
	found, who := conversation(r.Value, ""), readPerson(r.Value)
	if found.ID == "" || query.Kind != nil && *query.Kind != found.Kind {
		return &wit.DirectoryAnswer{}, nil
	}
	return &wit.DirectoryAnswer{Entries: []wit.DirectoryEntry{{Kind: found.Kind, ID: found.ID, Name: found.Name, Username: account.Optional(who.username)}}}, nil
}
