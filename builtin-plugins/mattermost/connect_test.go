package mattermost_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/mattermost/mattermosttest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// texts are what was said in a conversation, in the order in which it came.
func (a *account) texts(conversation string) string {
	var list []string
	for _, m := range a.Inbox() {
		if m.Conversation.ID == conversation {
			list = append(list, m.Text)
		}
	}
	return strings.Join(list, ",")
}

// TestAConnectionGoesOn where it broke off: Mattermost says again what was missed, and nothing is read.
func TestAConnectionGoesOn(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	a := connected(t, mattermosttest.Config{}, "")
	a.server.DM(ada.ID, "1")
	a.Messages(1)
	for i := range 3 {
		a.server.Drop()
		a.Until("it is gone", func() bool { return !a.server.Connected() || a.server.Stats().Resumed > i })
		a.server.DM(ada.ID, fmt.Sprint(i+2))
		a.Messages(i + 2)
	}
	if got, stats := a.texts(ada.ID), a.server.Stats(); got != "1,2,3,4" || stats.Begun != 1 || stats.Resumed != 3 {
		t.Errorf("%s came, %+v", got, stats)
	}
	if n := len(a.server.Calls("GET", "/channels/")); n != 0 {
		t.Errorf("channels were read %d times", n)
	}
}

// TestTheFirstConnectionIsLost before anything came on it: what was posted since the account began is read.
func TestTheFirstConnectionIsLost(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	a := newAccount(t, mattermosttest.Config{}, "")
	a.server.Fail(mattermosttest.Fault{Path: "/websocket", Status: 503})
	a.Start()
	a.told("has ended")
	a.server.DM(ada.ID, "1")
	a.server.DM(ada.ID, "2")
	a.Messages(2)
	if got := a.texts(ada.ID); got != "1,2" {
		t.Errorf("%s came", got)
	}
}

// TestACrashGoesOn: what was not committed is said again.
func TestACrashGoesOn(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	a := connected(t, mattermosttest.Config{}, "")
	a.server.DM(ada.ID, "1")
	a.Messages(1)
	a.server.DM(bob.ID, "2")
	a.Messages(2)
	a.Crash()
	a.Until("it is gone", func() bool { return !a.server.Connected() })
	a.server.DM(ada.ID, "3")
	a.Connected()
	a.Messages(3)
	if stats := a.server.Stats(); stats.Begun != 1 || stats.Resumed != 1 {
		t.Errorf("%+v", stats)
	}
}

// TestWhatWasMissedIsRead when the server has forgotten the connection: new posts, edits and deletions of older ones, reactions; in
// order, each once, and of each channel.
func TestWhatWasMissedIsRead(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	a := connected(t, mattermosttest.Config{}, "")
	posts := map[string]string{}
	hello, gone := a.server.DM(ada.ID, "hello"), a.server.DM(ada.ID, "oh")
	posts[hello.ID], posts[gone.ID] = "hello", "oh"
	a.Messages(2)
	a.Crash()
	a.Until("it is gone", func() bool { return !a.server.Connected() })
	a.server.Forget()
	clear(a.Host.KV)
	a.server.Edit(hello.ID, "hello!")
	a.server.Delete(gone.ID)
	first := a.say(club.ID, bob, "@carapace one")
	posts[first.ID] = "one"
	never := a.say(club.ID, bob, "never mind")
	a.server.Delete(never.ID)
	a.server.Say(mattermosttest.Post{ChannelID: club.ID, UserID: ada.ID, Message: "two", RootID: first.ID})
	a.server.React(first.ID, ada.ID, "+1", true)
	posts[a.server.DM(ada.ID, "bye").ID] = "bye"
	a.Connected()
	got := a.Messages(8)
	var list []is
	for _, m := range got {
		list = append(list, look(m, posts))
	}
	in := func(place string) (out []is) {
		for _, m := range list[2:] {
			if strings.HasPrefix(m.where, place) {
				out = append(out, m)
			}
		}
		return out
	}
	want := []is{{"text", "@carapace one", "channel", "The Club/one", true, "bob", ""}, {"reaction", "👍", "channel", "The Club", false, "ada", "one"},
		{"text", "two", "channel", "The Club/one", true, "ada", "one"}}
	if is := in("The Club"); fmt.Sprint(is) != fmt.Sprint(want) {
		t.Errorf("of the club\n %+v\n want\n %+v", is, want)
	}
	want = []is{{"edited", "hello!", "direct", "ada", true, "ada", "hello"}, {"deleted", "", "direct", "ada", true, "ada", "oh"}, {"text", "bye", "direct", "ada", true, "ada", ""}}
	if is := in("ada"); fmt.Sprint(is) != fmt.Sprint(want) {
		t.Errorf("of ada\n %+v\n want\n %+v", is, want)
	}
	if strings.Contains(string(a.State()), "rooms") {
		t.Errorf("the gap is open: %s", a.State())
	}
}

// TestManyPostsAreReadPageByPage, with more coming while they are read.
func TestManyPostsAreReadPageByPage(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	a := connected(t, mattermosttest.Config{}, "")
	a.server.DM(ada.ID, "0")
	a.Messages(1)
	a.Crash()
	a.Until("it is gone", func() bool { return !a.server.Connected() })
	a.server.Forget()
	want := "0"
	say := func(n int) {
		a.server.DM(ada.ID, fmt.Sprint(n))
		want += fmt.Sprint(",", n)
	}
	for n := 1; n <= 700; n++ {
		say(n)
	}
	a.Connected()
	for n := 701; n <= 720; n++ {
		say(n)
	}
	a.server.Fail(mattermosttest.Fault{Method: "GET", Path: "/channels/", Status: 503}, mattermosttest.Fault{Method: "GET", Path: "/channels/", Cut: true})
	a.Until("all came", func() bool { return len(a.Inbox()) >= 721 })
	if got := a.texts(ada.ID); got != want {
		t.Errorf("not in order: %.200s …", got)
	}
}

// TestManyChannelsAreRead, also more than a state has room for at once; one that may not be read is passed over.
func TestManyChannelsAreRead(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages)
	a := connected(t, mattermosttest.Config{}, "")
	a.server.DM(ada.ID, "0")
	a.Messages(1)
	a.Crash()
	a.Until("it is gone", func() bool { return !a.server.Connected() })
	a.server.Forget()
	const channels = 410
	for i := range channels {
		c := mattermosttest.Channel{ID: fmt.Sprintf("room%022d", i), Name: fmt.Sprint("room-", i), DisplayName: fmt.Sprint("Room ", i)}
		a.server.AddChannel(c)
		a.say(c.ID, ada, fmt.Sprint(i))
	}
	a.server.Fail(mattermosttest.Fault{Method: "GET", Path: fmt.Sprintf("/channels/room%022d/", 7), Status: 403, ID: "api.context.permissions.app_error"})
	a.Connected()
	a.Until("all came but one", func() bool { return len(a.Inbox()) >= channels })
	a.Until("it is done", func() bool { return !strings.Contains(string(a.State()), `"gap"`) })
	if n := len(a.server.Calls("GET", "/users/me/channels")); n != 3 {
		t.Errorf("the channels were asked for %d times", n)
	}
}

// TestAMissingEvent has the connection begun anew: the server drops events of who is slow.
func TestAMissingEvent(t *testing.T) {
	a := connected(t, mattermosttest.Config{}, "")
	a.server.DM(ada.ID, "1")
	a.Messages(1)
	a.server.Lose()
	a.server.DM(ada.ID, "2")
	a.Messages(2)
	a.server.DM(ada.ID, "3")
	a.Messages(3)
	if got, stats := a.texts(ada.ID), a.server.Stats(); got != "1,2,3" || stats.Begun != 2 {
		t.Errorf("%s came, %+v", got, stats)
	}
}

// told waits until the owner has been told something.
func (a *account) told(words string) {
	a.t.Helper()
	a.Until("the owner is told "+words, func() bool {
		return slices.ContainsFunc(a.Statuses(), func(s wit.AccountStatus) bool { return strings.Contains(text(s.Message), words) })
	})
}

// TestTheOwnerIsTold what is wrong and what to do, and what passes by itself does.
func TestTheOwnerIsTold(t *testing.T) {
	channeltest.Proves(t, channeltest.Health, channeltest.Limits)
	a := newAccount(t, mattermosttest.Config{}, "")
	a.Host.Credentials["token"] = "another"
	a.Start()
	a.Says(wit.ConnectionStateNeedsLogin, "carapace setup mattermost")
	if s := a.Status(); strings.Contains(text(s.Message), "another") {
		t.Errorf("the token is shown: %s", text(s.Message))
	}
	a.Crash()
	a.Host.Credentials["token"] = a.server.Token()
	a.server.Fail(mattermosttest.Fault{Path: "/users/me", Body: "<html>"})
	a.Start()
	a.told("is serverUrl right?")
	a.Says(wit.ConnectionStateConnected, "")
	before := len(a.Statuses())
	a.Command("probe")
	a.Until("it says so, and asks", func() bool { return len(a.Statuses()) == before+2 })
	a.Says(wit.ConnectionStateConnected, "")
	a.server.Fail(mattermosttest.Fault{Path: "/users/me", Status: 429, Reset: 2})
	a.Command("login")
	a.told("too many requests")
	a.Command("login") // no sooner than the server wants it
	a.told("has asked for a pause")
	a.Says(wit.ConnectionStateConnected, "")
	a.Command("logout")
	a.Says(wit.ConnectionStateDisconnected, "logged out")
	a.Until("it is gone", func() bool { return !a.server.Connected() })
}

// TestATokenThatIsTakenBack is noticed when the connection breaks.
func TestATokenThatIsTakenBack(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	a := connected(t, mattermosttest.Config{}, "")
	a.server.Revoke("the new one")
	a.server.Forget()
	a.Says(wit.ConnectionStateNeedsLogin, "make a new access token")
}

// TestASilentConnection is given up, and another one opened.
func TestASilentConnection(t *testing.T) {
	a := connected(t, mattermosttest.Config{}, "")
	a.Fire("hello")
	a.told("says nothing")
	a.Says(wit.ConnectionStateConnected, "")
	a.server.DM(ada.ID, "1")
	a.Messages(1)
}
