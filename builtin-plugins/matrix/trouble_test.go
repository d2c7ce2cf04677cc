package matrix_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/matrix"
	"github.com/carapace-gateway/carapace/builtin-plugins/matrix/matrixtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestHealth: the owner reads what is wrong and what to do, and once it is mended nothing has to be set up.
func TestHealth(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	t.Parallel()
	for name, c := range map[string]struct {
		config string
		fault  matrixtest.Fault
		state  wit.ConnectionState
		says   string
	}{
		"no server set":   {`{}`, matrixtest.Fault{}, wit.ConnectionStateFailed, "homeserver is not set"},
		"wrong token":     {everybody, matrixtest.Fault{Call: "whoami", Status: 401, Errcode: "M_UNKNOWN_TOKEN", Error: "Unknown"}, wit.ConnectionStateNeedsLogin, "carapace setup matrix"},
		"soft logout":     {everybody, matrixtest.Fault{Call: "sync", Status: 401, Errcode: "M_UNKNOWN_TOKEN", SoftLogout: true}, wit.ConnectionStateNeedsLogin, "login has ended"},
		"a web page":      {everybody, matrixtest.Fault{Call: "versions", Body: "<html>"}, wit.ConnectionStateFailed, "no Matrix server answers"},
		"out of order":    {everybody, matrixtest.Fault{Call: "sync", Status: 503, Errcode: "M_UNKNOWN", Error: "Busy"}, wit.ConnectionStateDisconnected, "Busy"},
		"a pause":         {everybody, matrixtest.Fault{Call: "sync", Status: 429, Errcode: "M_LIMIT_EXCEEDED", RetryAfter: 1500}, wit.ConnectionStateDisconnected, "M_LIMIT_EXCEEDED"},
		"gone":            {everybody, matrixtest.Fault{Call: "versions", Cut: true}, wit.ConnectionStateDisconnected, ""},
		"a deactivated":   {everybody, matrixtest.Fault{Call: "whoami", Status: 403, Errcode: "M_USER_DEACTIVATED"}, wit.ConnectionStateNeedsLogin, "M_USER_DEACTIVATED"},
		"a sync that not": {everybody, matrixtest.Fault{Call: "sync", Body: "{}"}, wit.ConnectionStateDisconnected, "no token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newAccount(t, matrixtest.Config{}, c.config)
			if c.fault.Call != "" {
				g.server.Fail(c.fault)
			}
			g.Start()
			g.Until(name, func() bool {
				for _, s := range g.Statuses() {
					if s.State == c.state && (c.says == "" || s.Message != nil && strings.Contains(*s.Message, c.says)) {
						return true
					}
				}
				return false
			})
			if c.fault.Call == "" {
				return
			}
			g.Until("it reads", g.reads)
			g.Says(wit.ConnectionStateConnected, "")
			if s := g.Status(); s.Self == nil || s.Self.ID != g.bot.ID || *s.Self.Name != "Carapace" {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestAServerThatIsElsewhere is not followed, but named.
func TestAServerThatIsElsewhere(t *testing.T) {
	t.Parallel()
	g := newAccount(t, matrixtest.Config{}, everybody)
	g.server.Fail(matrixtest.Fault{Call: "versions", Status: 404, Body: "no"}, matrixtest.Fault{Call: "well_known", Body: `{"m.homeserver":{"base_url":"https://matrix.elsewhere.example/"}}`})
	g.Start()
	g.Says(wit.ConnectionStateFailed, "set homeserver to https://matrix.elsewhere.example")
	for _, c := range g.server.Calls("") {
		if c.User != "" {
			t.Errorf("the token was sent with %s", c.Path)
		}
		if c.Name == "well_known" {
			break
		}
	}
}

// TestAPauseOutlivesARestart: the server has asked for a pause, and the gateway starts anew in it.
func TestAPauseOutlivesARestart(t *testing.T) {
	t.Parallel()
	plugin, host := matrix.New(), (&sdktest.Host{}).SDK()
	config := wit.JSON(`{"homeserver":"https://m.example"}`)
	flood := `{"errcode":"M_LIMIT_EXCEEDED","error":"Too Many Requests","retry_after_ms":100000}`
	const now = 1_000_000
	event := func(e wit.ChannelEvent, state wit.JSON) *wit.ChannelAnswer {
		t.Helper()
		e.Config, e.State = config, state
		out, err := plugin.Event(host, &e)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, kind := range []string{"versions", "me", "profile", "sync", "page"} {
		asked := event(wit.ChannelEvent{Kind: wit.EventKindResponse, Now: now, Response: &wit.HTTPResponse{ID: kind + ":3", Status: 429, Text: &flood}},
			wit.JSON(`{"generation":3,"since":"s1","gap":{"from":"s0","to":"s1","rooms":[{"id":"!r:x"}]}}`))
		early := event(wit.ChannelEvent{Kind: wit.EventKindStart, Now: now + 40_000}, asked.State)
		if n := len(early.Timers); len(early.Requests) != 0 || n == 0 || early.Timers[n-1] != (wit.Timer{ID: "retry", After: 60_000}) {
			t.Errorf("%s: started in the pause: %s", kind, wit.Marshal(early))
		}
		if late := event(wit.ChannelEvent{Kind: wit.EventKindTimer, Now: now + 100_000, Timer: new("retry")}, early.State); len(late.Requests) != 1 {
			t.Errorf("%s: behind the pause: %s", kind, wit.Marshal(late))
		}
	}
	if far := event(wit.ChannelEvent{Kind: wit.EventKindStart, Now: now}, wit.JSON(`{"notBefore":900000000000000}`)); far.Timers[len(far.Timers)-1].After != 24*60*60*1000 {
		t.Errorf("a clock that was set back: %s", wit.Marshal(far))
	}
}

// TestAnswersThatAreTooLarge are asked for again with less in them.
func TestAnswersThatAreTooLarge(t *testing.T) {
	t.Parallel()
	plugin, host, state := matrix.New(), (&sdktest.Host{}).SDK(), wit.JSON(`{"generation":3,"since":"s1"}`)
	for i, want := range []string{"25", "12", "6", "3", "1"} {
		e := &wit.ChannelEvent{Kind: wit.EventKindResponse, Config: wit.JSON(`{"homeserver":"https://m.example"}`), State: state,
			Response: &wit.HTTPResponse{ID: "sync:3", Error: wit.NewError(wit.CodeTooLarge, "too large")}}
		out, err := plugin.Event(host, e)
		if err != nil {
			t.Fatal(err)
		}
		again := &wit.ChannelEvent{Kind: wit.EventKindTimer, Config: e.Config, State: out.State, Timer: new("retry")}
		next, err := plugin.Event(host, again)
		if err != nil || len(next.Requests) != 1 || !strings.Contains(next.Requests[0].URL, "%22limit%22%3A"+want+"%2C") {
			t.Fatalf("%d: %s, %v", i, wit.Marshal(next), err)
		}
		state = out.State
	}
}

// TestAnotherAccount behind a new token begins anew.
func TestAnotherAccount(t *testing.T) {
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{})
	ann.Say(room, "to the first")
	g.Last(1)
	g.Crash()
	other := g.server.Register("other", "Other")
	theirs := ann.CreateRoom(matrixtest.RoomOptions{Invite: []string{other.ID}})
	other.Join(theirs)
	ann.Say(theirs, "before its time")
	token := other.Token()
	g.Host.SetCredential("accessToken", token)
	g.Start()
	g.Until("the other one reads", func() bool { return g.server.Syncing(other.ID) })
	ann.Say(theirs, "to the second")
	if m := g.Last(2); m.Text != "to the second" || m.Conversation.ID != theirs {
		t.Errorf("%+v", m)
	}
}

// TestAServerThatHasForgotten takes no token of before: it is read on from now.
func TestAServerThatHasForgotten(t *testing.T) {
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{})
	ann.Say(room, "one")
	g.Last(1)
	g.server.Fail(matrixtest.Fault{Call: "sync", Status: 400, Errcode: "M_INVALID_PARAM", Error: "Invalid since token"})
	ann.Say(room, "two")
	g.Until("all came", func() bool { return len(g.Inbox()) > 1 || strings.Contains(string(g.State()), `"since"`) && g.reads() })
	ann.Say(room, "three")
	g.Until("it goes on", func() bool { list := g.Inbox(); return list[len(list)-1].Text == "three" })
}

func TestCommands(t *testing.T) {
	t.Parallel()
	g, ann, room := connected(t, matrixtest.Config{})
	command := func(name string) {
		g.Command(name)
	}
	command("probe")
	g.Says(wit.ConnectionStateConnected, "")
	command("logout")
	g.Says(wit.ConnectionStateDisconnected, "logged out")
	ann.Say(room, "are you there?")
	command("login")
	g.Last(1)
	command("dance")
}

func TestSkip(t *testing.T) {
	t.Parallel()
	skip := matrix.New().(channel.Skipper)
	for id, want := range map[string]string{
		"sync:3": `{"generation":3,"since":"s9","gap":{"from":"s1","to":"s5","rooms":[{"id":"!a:x"},{"id":"!b:x"}]}}`,
		"page:3": `{"generation":3,"since":"s5","gap":{"from":"s1","to":"s5","rooms":[{"id":"!b:x"}]}}`,
		"page:2": `{"generation":3,"since":"s5","gap":{"from":"s1","to":"s5","rooms":[{"id":"!a:x"},{"id":"!b:x"}]}}`,
	} {
		event := &wit.ChannelEvent{
			Kind: wit.EventKindResponse, State: wit.JSON(`{"generation":3,"since":"s5","gap":{"from":"s1","to":"s5","at":"s2","pages":1,"rooms":[{"id":"!a:x"},{"id":"!b:x"}]}}`),
			Response: &wit.HTTPResponse{ID: id, Status: 200, Text: new(`{"next_batch":"s9"}`)},
		}
		got, err := skip.Skip((&sdktest.Host{}).SDK(), event)
		state := strings.NewReplacer(`"at":"s2",`, "", `"pages":1,`, "").Replace(string(got.State))
		if err != nil || state != want {
			t.Errorf("%s: %s, %v", id, state, err)
		}
	}
}

// TestTheStateIsBounded, however many rooms there are and however much is said in them at once.
func TestTheStateIsBounded(t *testing.T) {
	t.Parallel()
	plugin, host := matrix.New(), (&sdktest.Host{}).SDK()
	var rooms, busy strings.Builder
	for i := range 3000 {
		if i > 0 {
			rooms.WriteByte(',')
			busy.WriteByte(',')
		}
		id := fmt.Sprintf("!%0200d:example.org", i)
		fmt.Fprintf(&rooms, `%q:{"summary":{"m.joined_member_count":2,"m.heroes":["@%0200d:x"]},"state":{"events":[{"type":"m.room.name","content":{"name":%q}}]}}`, id, i, strings.Repeat("n", 500))
		fmt.Fprintf(&busy, `%q:{"timeline":{"limited":true,"events":[{"type":"m.room.message","event_id":"$%d","sender":"@a:x","content":{"body":"x","m.relates_to":{"m.in_reply_to":{"event_id":"$%d"}}}}]}}`, id, i, i)
	}
	state := wit.JSON(`{"generation":3,"me":{"id":"@bot:x"}}`)
	step := func(id, body string) *wit.ChannelAnswer {
		e := &wit.ChannelEvent{Kind: wit.EventKindResponse, Config: wit.JSON(`{"homeserver":"https://m.example"}`), State: state, Response: &wit.HTTPResponse{ID: id, Status: 200, Text: &body}}
		out, err := plugin.Event(host, e)
		if err != nil || out.Validate() != nil {
			t.Fatalf("%v, %v", err, out.Validate())
		}
		if out.State != nil {
			state = out.State
		}
		return out
	}
	step("sync:3", `{"next_batch":"s1","rooms":{"join":{`+rooms.String()+`}}}`)
	out := step("sync:3", `{"next_batch":"s2","rooms":{"join":{`+busy.String()+`}}}`)
	for _, r := range out.Requests {
		step(r.ID, `{"next_batch":"s1"}`)
	}
	step("sync:3", `{"next_batch":"s2","rooms":{"join":{`+busy.String()+`}}}`)
	if len(state) > 64<<10 || !strings.Contains(string(state), `"gap"`) {
		t.Errorf("%d bytes of state", len(state))
	}
}

// FuzzAnswers feeds whatever a server may answer: the loop must go on, within its bounds.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"next_batch":"s1"}`, `{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":5}`, `[]`, `{"next_batch":`, `{"next_batch":7,"rooms":[]}`,
		`{"next_batch":"s9","rooms":{"join":{"!a:x":{"summary":{"m.joined_member_count":2},"timeline":{"events":[{"type":"m.room.message","event_id":"$1","sender":"@a:x","content":{"msgtype":"m.text","body":"> <@b:x> q\n\na 🏟","m.relates_to":{"m.in_reply_to":{"event_id":"$0"}}}}]}}}}}`,
		`{"next_batch":"s9","rooms":{"join":{"!a:x":{"timeline":{"limited":true,"events":[{"type":"m.room.member","state_key":"@bot:x","event_id":"$1","content":{"membership":"join"}},null,7]}}},"invite":{"!b:x":{"invite_state":{"events":[{"type":"m.room.member","state_key":"@bot:x","sender":"@a:x","content":{"membership":"invite"}}]}}},"leave":{"!c:x":{}}}}`,
		`{"chunk":[{"type":"m.room.encrypted","event_id":"$1","sender":"@a:x"},{"type":"m.room.tombstone","event_id":"$2","sender":"@a","content":{"replacement_room":"!d:x"}}],"end":"s3"}`,
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	plugin := matrix.New()
	f.Fuzz(func(t *testing.T, body string, page bool) {
		if !utf8.ValidString(body) || len(body) > 1<<16 {
			return
		}
		id, state := "sync:3", `{"generation":3,"since":"s5","me":{"id":"@bot:x","name":"Bot"}}`
		if page {
			id, state = "page:3", `{"generation":3,"since":"s5","me":{"id":"@bot:x"},"gap":{"from":"s1","to":"s5","rooms":[{"id":"!a:x","comes":true},{"id":"!b:x"}]}}`
		}
		event := &wit.ChannelEvent{Kind: wit.EventKindResponse, Config: wit.JSON(`{"homeserver":"https://m.example","autoJoin":"all"}`), State: wit.JSON(state), Response: &wit.HTTPResponse{ID: id, Status: 200, Text: &body}}
		out, err := plugin.Event((&sdktest.Host{}).SDK(), event)
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Requests) == 0 && len(out.Timers) == 0 {
			t.Errorf("the loop ended: %s", wit.Marshal(out))
		}
		if err := out.Validate(); err != nil {
			t.Errorf("%v: %s", err, wit.Marshal(out))
		}
		if out.State != nil {
			event.Kind, event.State = wit.EventKindStart, out.State
			if _, err := plugin.Event((&sdktest.Host{}).SDK(), event); err != nil {
				t.Errorf("state %s: %v", out.State, err)
			}
		}
	})
}
