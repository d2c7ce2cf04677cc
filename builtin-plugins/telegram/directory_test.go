package telegram_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestDirectory: chats are found by id and by username, people only once they have written, and nobody by a name.
func TestDirectory(t *testing.T) {
	channeltest.Proves(t, channeltest.Directory)
	s, g := sender(t, botapitest.Config{}, config)
	s.AddChat(botapitest.Chat{ID: -1009, Type: "channel", Title: "News", Username: "city_news"})
	find := func(query string, kind *wit.ConversationKind) (string, error) {
		found, err := g.Plugin.(channel.Finder).Directory(g.Host.SDK(), &wit.DirectoryQuery{Config: g.Config, Query: query, Kind: kind})
		if err != nil || len(found.Entries) == 0 {
			return "", err
		}
		e := found.Entries[0]
		return string(e.Kind) + " " + e.ID + " " + deref(e.Name) + " " + deref(e.Username), nil
	}
	group := wit.ConversationKindGroup
	for _, c := range []struct {
		query, want string
		kind        *wit.ConversationKind
	}{
		{"@City_News", "channel -1009 News city_news", nil}, {" -1009 ", "channel -1009 News city_news", nil},
		{"-1009", "", &group}, {"-1007", "group -1007 Club ", &group}, {"7", "direct 7 Ada ada", nil},
		{"@ada", "", nil}, {"8", "", nil}, {"Ada", "", nil}, {"", "", nil}, {"-", "", nil}, {"@", "", nil},
	} {
		if got, err := find(c.query, c.kind); got != c.want || err != nil {
			t.Errorf("%q: %q, %v", c.query, got, err)
		}
	}
	s.Fail(botapitest.Fault{Method: "getChat", Code: 429, RetryAfter: 5})
	if _, err := find("8", nil); wit.CodeOf(err) != wit.CodeRateLimited {
		t.Errorf("%v", err)
	}
}
