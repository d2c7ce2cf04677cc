package zulip_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/zulip"
	"github.com/carapace-gateway/carapace/builtin-plugins/zulip/zuliptest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// texts are those of the messages that came.
func (a *account) texts() (list []string) {
	for _, m := range a.Inbox() {
		list = append(list, m.Text)
	}
	return list
}

// hasSaid waits until the account has stood so, if only for a moment.
func (a *account) hasSaid(state wit.ConnectionState, words string) {
	a.Until(words, func() bool {
		return slices.ContainsFunc(a.Statuses(), func(s wit.AccountStatus) bool {
			return s.State == state && s.Message != nil && strings.Contains(*s.Message, words)
		})
	})
}

// TestALostQueue: the server throws queues away, and what was said meanwhile is fetched, in order, once.
func TestALostQueue(t *testing.T) {
	t.Parallel()
	a := newAccount(t, zuliptest.Config{})
	a.ann.Direct("before the bot came", a.bot)
	a.Start()
	a.Until("it reads", a.reads)
	a.ann.Direct("0", a.bot)
	a.Last(1)
	a.Crash()
	var want []string
	for i := range 251 { // three pages
		want = append(want, fmt.Sprint(i))
		if i > 0 {
			a.ann.Direct(fmt.Sprint(i), a.bot)
		}
	}
	a.server.Expire()
	a.server.Fail(zuliptest.Fault{Call: "messages", Status: 502, Body: "no"}, zuliptest.Fault{Call: "register", Cut: true})
	a.Start()
	a.Messages(251)
	a.Until("it reads", a.reads)
	if got := a.texts(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if a.Repeats() != 1 { // the one before, which is read again to be sure
		t.Errorf("%d messages came again", a.Repeats())
	}
	a.server.Expire()
	a.ann.Direct("still there?", a.bot)
	a.Messages(252)
	a.server.Fail(zuliptest.Fault{Call: "events", Lost: true, Times: 4})
	a.ann.Direct("and now?", a.bot)
	a.Messages(253)
	a.Says(wit.ConnectionStateConnected, "")
}

// TestACrashAtAnyPoint: the gateway stops while messages come, again and again.
func TestACrashAtAnyPoint(t *testing.T) {
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprint(i))
		a.ann.Direct(fmt.Sprint(i), a.bot)
		if i%5 == 0 {
			a.Crash()
			if i%3 == 0 {
				a.server.Expire()
			}
			a.Start()
		}
	}
	a.Messages(40)
	if got := a.texts(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestAPrunedQueue: the gateway has forgotten how far it has read, and the server has thrown away what it asks for.
func TestAPrunedQueue(t *testing.T) {
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	a.ann.Direct("1", a.bot)
	a.Last(1)
	old := a.State()
	a.ann.Type(nil, "", a.bot)
	a.ann.Direct("2", a.bot)
	a.Last(2)
	a.Until("it reads", a.reads)
	a.Crash()
	a.SetState(old)
	a.ann.Direct("3", a.bot)
	a.Start()
	a.Messages(3)
}

func TestLogins(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	t.Parallel()
	a := newAccount(t, zuliptest.Config{})
	right := a.bot.Key
	a.server.SetKey(a.bot, "another one")
	a.Start()
	a.Says(wit.ConnectionStateNeedsLogin, "Settings > Your bots")
	a.server.SetKey(a.bot, right)
	a.Connected()
	a.Until("it reads", a.reads)
	asked := len(a.server.Calls("me"))
	a.Command("probe")
	a.Until("it is asked", func() bool { return len(a.server.Calls("me")) > asked })
	a.Says(wit.ConnectionStateConnected, "")
	if self := a.Status().Self; self == nil || self.ID != id(a.bot.ID) || *self.Name != "Carapace" {
		t.Errorf("%+v", self)
	}
	a.server.Fail(zuliptest.Fault{Call: "me", Status: 200, Body: "<html>"})
	a.Command("login")
	a.hasSaid(wit.ConnectionStateDisconnected, "is site right?")
	a.Says(wit.ConnectionStateConnected, "")
	a.server.Fail(zuliptest.Fault{Call: "me", Status: 401, Code: "REALM_DEACTIVATED", Msg: "This organization has been deactivated"})
	a.Command("login")
	a.Says(wit.ConnectionStateNeedsLogin, "This organization has been deactivated")
	a.Command("logout")
	a.Says(wit.ConnectionStateDisconnected, "logged out")

	old := newAccount(t, zuliptest.Config{FeatureLevel: 100})
	old.Start()
	old.Says(wit.ConnectionStateFailed, "version 7.0")

	unset := newAccount(t, zuliptest.Config{})
	unset.Host.Credentials = nil
	unset.Start()
	unset.Says(wit.ConnectionStateNeedsLogin, "Settings > Your bots")
	unset.Config = wit.JSON(`{"site":"https://zulip.test"}`)
	unset.Command("login")
	unset.Says(wit.ConnectionStateFailed, "email is not set")
}

// TestAPause: the server wants to be left alone, and is, also by a gateway that starts in the pause.
func TestAPause(t *testing.T) {
	t.Parallel()
	a := connected(t, zuliptest.Config{})
	a.Holds = func(string) bool { return true }
	a.server.Fail(zuliptest.Fault{Call: "events", Status: 429, Code: "RATE_LIMIT_HIT", Msg: "API usage exceeded rate limit", RetryAfter: 28.7})
	a.ann.Direct("hello", a.bot)
	a.Last(1)
	a.Says(wit.ConnectionStateDisconnected, "API usage exceeded")
	asked := len(a.server.Calls(""))
	a.SetState(a.State())
	a.Crash()
	a.Start()
	a.Says(wit.ConnectionStateDisconnected, "it goes on after 2")
	if n := len(a.server.Calls("")); n != asked {
		t.Errorf("it asks %d times in the pause", n-asked)
	}
}

func TestSkip(t *testing.T) {
	plugin := zulip.New().(channel.Skipper)
	for name, c := range map[string]struct{ id, body, want string }{
		"events": {"events:3", `{"result":"success","events":[{"id":5},{"id":7}]}`, `"last":7`},
		"a page": {"missed:3", `{"result":"success","messages":[{"id":50},{"id":70}]}`, `"seen":70`},
	} {
		got, err := plugin.Skip((&sdktest.Host{}).SDK(), &wit.ChannelEvent{
			Kind: wit.EventKindResponse, State: wit.JSON(`{"generation":3,"last":4,"seen":40}`), Response: &wit.HTTPResponse{ID: c.id, Status: 200, Text: &c.body},
		})
		if err != nil || !strings.Contains(string(got.State), c.want) {
			t.Errorf("%s: %s %v", name, got.State, err)
		}
	}
}

// FuzzEvents feeds whatever a server may answer to a poll: the loop must go on, within its bounds.
func FuzzEvents(f *testing.F) {
	for _, seed := range []string{
		`{"result":"success","events":[]}`, `{"result":"error","code":"RATE_LIMIT_HIT","retry-after":5}`, `[]`, `{"result":`,
		`{"result":"success","events":[{"id":9,"type":"message","flags":["mentioned"],"message":{"id":1,"type":"private","sender_id":8,"display_recipient":[{"id":8,"full_name":"Ann"}],"content":"@_**B|2** [said](x/near/1):\n` + "```quote\\na\\n```\\nb [x](/user_uploads/1/a.png)" + `"}}]}`,
		`{"result":"success","events":[{"id":9,"type":"reaction","op":"add","message_id":5,"user_id":8,"emoji_code":"1f1e9-0","reaction_type":"unicode_emoji"},{"id":10,"type":"delete_message","message_ids":[1,2]},{"id":"x"},7,null]}`,
		`{"result":"success","events":[{"id":9,"type":"update_message","message_id":1,"message_ids":[1],"user_id":8,"content":"x","subject":"","new_stream_id":4},{"id":3,"type":"typing","op":"start","sender":{"user_id":8},"recipients":[]}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		event := &wit.ChannelEvent{
			Kind: wit.EventKindResponse, Config: wit.JSON(`{"site":"https://zulip.test","email":"b@zulip.test"}`),
			State:    wit.JSON(`{"generation":3,"queue":"q","last":5,"begun":true,"me":{"id":"7","name":"B"},"recent":[{"id":1,"in":"8","by":"8"}]}`),
			Response: &wit.HTTPResponse{ID: "events:3", Status: 200, Text: &body},
		}
		out, err := zulip.New().Event((&sdktest.Host{}).SDK(), event)
		if err != nil {
			t.Skip() // what is no text reaches no plugin
		}
		if len(out.Requests) == 0 && len(out.Timers) == 0 {
			t.Errorf("the loop ended: %s", wit.Marshal(out))
		}
		if err := out.Validate(); err != nil {
			t.Errorf("%s: %v", wit.Marshal(out), err)
		}
		if out.State != nil {
			event.Kind, event.State = wit.EventKindStart, out.State
			if _, err := zulip.New().Event((&sdktest.Host{}).SDK(), event); err != nil {
				t.Errorf("state %s: %v", out.State, err)
			}
		}
	})
}
