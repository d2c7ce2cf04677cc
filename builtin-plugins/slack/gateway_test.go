package slack_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/carapace-gateway/carapace/builtin-plugins/slack"
	"github.com/carapace-gateway/carapace/builtin-plugins/slack/slacktest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// gateway is as much of a kernel as it takes to run one account: it commits messages and state together, then acts, with
// real connections. The plugin's pauses are a tenth as long; its bounds (hello, names) end when a test says so.
type gateway struct {
	t      *testing.T
	plugin channel.Channel
	server *slacktest.Server
	host   *sdktest.Host
	config wit.JSON
	life   context.Context
	under  sync.WaitGroup

	mu       sync.Mutex
	changed  chan struct{}
	state    wit.JSON
	inbox    []wit.Message // each id once
	seen     map[string]bool
	statuses []wit.AccountStatus
	receipts []wit.Receipt
	reply    *wit.WebhookReply
	timers   map[string]int64
	conns    map[string]*websocket.Conn
	opened   int
	frozen   bool // nothing is acted upon: what a crash leaves
}

func newGateway(t *testing.T, s *slacktest.Server, more string) *gateway {
	t.Helper()
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	life, end := context.WithCancel(context.Background())
	g := &gateway{
		t: t, plugin: slack.New(), server: s, life: life, changed: make(chan struct{}), seen: map[string]bool{},
		config: wit.JSON(`{"apiRoot":"` + root + `/"` + more + `}`), timers: map[string]int64{}, conns: map[string]*websocket.Conn{},
		host: &sdktest.Host{HTTP: s, KV: map[string]string{}, Media: map[string]wit.MediaInfo{},
			Credentials: map[string]string{"botToken": s.BotToken(), "appToken": s.AppToken()}},
	}
	t.Cleanup(func() {
		end()
		_ = s.Close()
		g.under.Wait()
	})
	return g
}

// start begins a life with the state of before.
func (g *gateway) start() { g.deliver(&wit.ChannelEvent{Kind: wit.EventKindStart}) }

// connected starts and waits until hello was said.
func (g *gateway) connected() {
	g.t.Helper()
	g.start()
	g.until("the account is connected", func() bool { return g.last().State == wit.ConnectionStateConnected })
}

func (g *gateway) last() wit.AccountStatus {
	if len(g.statuses) == 0 {
		return wit.AccountStatus{}
	}
	return g.statuses[len(g.statuses)-1]
}

// deliver hands in an event, and does what the answer says.
func (g *gateway) deliver(event *wit.ChannelEvent) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.life.Err() != nil {
		return
	}
	event.Account, event.Config, event.State, event.Now = "default", g.config, g.state, time.Now().UnixMilli()
	output, err := channel.Call(g.host.SDK(), g.plugin, "channel_event", wit.Marshal(event))
	if err != nil {
		g.t.Errorf("event %s: %v", wit.Marshal(event), err)
		return
	}
	var answer wit.ChannelAnswer
	if err := wit.UnmarshalStrict(output, &answer); err != nil || answer.Validate() != nil {
		g.t.Errorf("answer %s: %v, %v", output, err, answer.Validate())
		return
	}
	for _, m := range answer.Messages {
		if !g.seen[m.ID] {
			g.seen[m.ID] = true
			g.inbox = append(g.inbox, m)
		}
	}
	if answer.State != nil {
		g.state = answer.State
	}
	if !g.frozen {
		g.act(&answer)
	}
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *gateway) act(answer *wit.ChannelAnswer) {
	g.receipts = append(g.receipts, answer.Receipts...)
	if answer.Status != nil {
		g.statuses = append(g.statuses, *answer.Status)
	}
	if answer.Reply != nil {
		g.reply = answer.Reply
	}
	for _, id := range answer.Close {
		if c := g.conns[id]; c != nil {
			delete(g.conns, id)
			_ = c.CloseNow()
		}
	}
	for _, f := range answer.Frames {
		if c := g.conns[f.Connection]; c != nil {
			_ = c.Write(g.life, websocket.MessageText, []byte(*f.Text))
		}
	}
	for i := range answer.Requests {
		g.under.Go(func() {
			response, err := g.host.Do(&answer.Requests[i])
			if err != nil {
				response = &wit.HTTPResponse{ID: answer.Requests[i].ID, Error: wit.AsError(err)}
			}
			g.deliver(&wit.ChannelEvent{Kind: wit.EventKindResponse, Response: response})
		})
	}
	for i := range answer.Open {
		g.under.Go(func() { g.converse(&answer.Open[i]) })
	}
	for _, timer := range answer.Timers {
		if g.timers[timer.ID] = timer.After; timer.After > 0 && timer.ID == "retry" {
			time.AfterFunc(time.Duration(timer.After)*time.Millisecond/10, func() { g.fire(timer.ID) })
		}
	}
}

func (g *gateway) fire(timer string) {
	g.deliver(&wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &timer})
}

// converse opens a connection and hands in what comes on it.
func (g *gateway) converse(o *wit.OpenConnection) {
	conn, _, err := websocket.Dial(g.life, o.URL, nil)
	if err == nil {
		conn.SetReadLimit(1 << 20)
		g.mu.Lock()
		g.conns[o.Connection] = conn
		g.opened++
		g.mu.Unlock()
		g.deliver(&wit.ChannelEvent{Kind: wit.EventKindOpened, Connection: &o.Connection, Opened: &wit.Opened{}})
	}
	for err == nil {
		var data []byte
		if _, data, err = conn.Read(g.life); err == nil {
			g.deliver(&wit.ChannelEvent{Kind: wit.EventKindMessage, Connection: &o.Connection, Message: &wit.Frame{Connection: o.Connection, Text: new(string(data))}})
		}
	}
	g.mu.Lock()
	wanted := conn == nil || g.conns[o.Connection] == conn
	if conn != nil && wanted {
		delete(g.conns, o.Connection)
	}
	g.mu.Unlock()
	if wanted {
		g.deliver(&wit.ChannelEvent{Kind: wit.EventKindClosed, Connection: &o.Connection, Closed: &wit.Closed{Reason: "gone"}})
	}
}

// until waits for something to become true of the gateway.
func (g *gateway) until(what string, ok func() bool) {
	g.t.Helper()
	deadline := time.After(3 * time.Minute) // it only bounds a failing test
	for {
		g.mu.Lock()
		changed, done := g.changed, ok()
		g.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			g.mu.Lock()
			defer g.mu.Unlock()
			g.t.Fatalf("waited in vain until %s; inbox %d, state %s, statuses %d", what, len(g.inbox), g.state, len(g.statuses))
		}
	}
}

// messages waits for so many and returns them.
func (g *gateway) messages(n int) []wit.Message {
	g.t.Helper()
	g.until("messages came", func() bool { return len(g.inbox) >= n })
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.inbox) > n {
		g.t.Fatalf("%d messages came, want %d: %s", len(g.inbox), n, wit.Marshal(&wit.ChannelAnswer{Messages: g.inbox}))
	}
	return append([]wit.Message(nil), g.inbox...)
}

// acknowledged waits until Slack has nothing more to tell.
func (g *gateway) acknowledged() {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := g.server.Wait(ctx, func() bool { return g.server.Waiting() == 0 }); err != nil {
		g.t.Fatalf("%d things are not acknowledged", g.server.Waiting())
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// said makes a message as the server has it one that says so.
func said(user, words string) slacktest.Message { return slacktest.Message{User: user, Text: words} }

var (
	ada  = slacktest.User{ID: "U0ADA", Name: "ada", RealName: "Ada Lovelace"}
	bob  = slacktest.User{ID: "U0BOB", Name: "bob", RealName: "Bob"}
	club = slacktest.Channel{ID: "C0CLUB", Name: "club"}
	trio = slacktest.Channel{ID: "C0TRIO", Name: "mpdm-ada--bob--carapace-1", Kind: "mpim"}
)

// workspace is a server with people and channels.
func workspace(cfg slacktest.Config) *slacktest.Server {
	s := slacktest.New(cfg)
	s.AddUser(ada)
	s.AddUser(bob)
	for _, c := range []slacktest.Channel{club, trio, {ID: "C0OLD", Name: "old", Archived: true}, {ID: "C0SECRET", Name: "secret", Kind: "group", Outside: true}} {
		s.AddChannel(c)
	}
	return s
}
