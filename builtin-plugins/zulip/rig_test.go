package zulip_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/zulip"
	"github.com/carapace-gateway/carapace/builtin-plugins/zulip/zuliptest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// account is one of the bot's, with its server, somebody, and a channel that both are in.
type account struct {
	*rig.Rig
	server  *zuliptest.Server
	bot     *zuliptest.User
	ann     *zuliptest.User
	kitchen *zuliptest.Channel
}

// site is where the server is for the account.
const site = "https://zulip.test"

// newAccount is an account of a new server that is not started.
func newAccount(t *testing.T, c zuliptest.Config) *account {
	t.Helper()
	s := zuliptest.New(c)
	t.Cleanup(func() { _ = s.Close() })
	a := &account{server: s, bot: s.Register("Carapace", true), ann: s.Register("Ann", false)}
	a.kitchen = s.NewChannel("kitchen", a.bot, a.ann)
	host := &sdktest.Host{HTTP: s, Credentials: map[string]string{"apiKey": a.bot.Key}, Media: map[string]wit.MediaInfo{}, Files: map[string][]byte{}}
	a.Rig = rig.New(t, zulip.New(), host, `{"site":"`+site+`/","email":"`+a.bot.Email+`"}`)
	a.Server = s
	// What was connected for the first time brings nothing, but says from where on what is new counts.
	a.Keeps = func(before wit.JSON) bool { return !strings.Contains(string(before), `"begun"`) }
	return a
}

// connected is an account that reads what is new.
func connected(t *testing.T, c zuliptest.Config) *account {
	t.Helper()
	a := newAccount(t, c)
	a.Start()
	a.Until("it reads", a.reads)
	return a
}

// reads reports whether a poll waits for what is new.
func (a *account) reads() bool { return a.server.Polling(a.bot) }

// in is a topic of a channel, person a direct conversation.
func in(c *zuliptest.Channel, topic string) wit.Conversation {
	return wit.Conversation{Kind: wit.ConversationKindGroup, ID: "channel:" + id(c.ID), Thread: &topic}
}

func person(u *zuliptest.User) wit.Conversation { return wit.Conversation{ID: id(u.ID)} }

func id(n int64) string { return strconv.FormatInt(n, 10) }

// said are the bot's messages that somebody has.
func (a *account) said(u *zuliptest.User) (texts []string) {
	for _, m := range a.server.From(u, a.bot) {
		texts = append(texts, m.Content)
	}
	return texts
}

// fetch gets an attachment as the kernel does: what the answer's field names is asked for.
func (a *account) fetch(t *testing.T, f *wit.Attachment) string {
	t.Helper()
	first, err := a.Host.DoContext(context.Background(), f.Fetch)
	if err != nil || first.Status != 200 || f.Excerpt == nil || f.Excerpt.Field != "url" {
		t.Fatalf("%+v %+v %v", f, first, err)
	}
	_, address, _ := strings.Cut(*first.Text, `"url":"`)
	address, _, _ = strings.Cut(address, `"`)
	second, err := a.Host.DoContext(context.Background(), &wit.HTTPRequest{ID: "file", URL: site + address})
	if err != nil || second.Status != 200 {
		t.Fatalf("%s: %+v %v", address, second, err)
	}
	return *second.Text
}
