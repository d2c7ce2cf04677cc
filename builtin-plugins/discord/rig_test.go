package discord_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/discord"
	"github.com/carapace-gateway/carapace/builtin-plugins/discord/discordtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// root is where the rig's server is, without a network.
const root = "http://discord.test"

// rig hands the plugin events by hand, against a server, and makes the requests that it asks for.
type rig struct {
	t      *testing.T
	server *discordtest.Server
	plugin channel.Channel
	host   *sdktest.Host
	config wit.JSON
	state  wit.JSON
	now    int64
	tap    *discordtest.Tap

	// What the plugin has answered so far.
	messages []wit.Message
	frames   []string
	opened   []string
	closed   int
	receipts []wit.Receipt
	timers   map[string]int64
	status   wit.AccountStatus
}

func newRig(t *testing.T, c discordtest.Config, more string) *rig {
	t.Helper()
	s := discordtest.New(c)
	s.Use(root)
	r := &rig{
		t: t, server: s, plugin: discord.New(), config: wit.JSON(`{"apiRoot":"` + root + `"` + more + `}`), now: 1_800_000_000_000,
		host: &sdktest.Host{HTTP: s, Credentials: map[string]string{"botToken": s.Token()}}, timers: map[string]int64{},
	}
	return r
}

// connected is a rig whose account has begun a session.
func connected(t *testing.T, more string) *rig {
	t.Helper()
	r := newRig(t, discordtest.Config{}, more)
	r.event(wit.ChannelEvent{Kind: wit.EventKindStart})
	r.event(wit.ChannelEvent{Kind: wit.EventKindOpened})
	r.frame(`{"op":10,"d":{"heartbeat_interval":41250}}`)
	r.tap = r.server.Tap(discordtest.AllIntents)
	r.take()
	if r.status.State != wit.ConnectionStateConnected {
		t.Fatalf("not connected: %+v", r.status)
	}
	return r
}

// event hands the plugin an event, and the responses to what it asks for, until it asks for nothing more.
func (r *rig) event(e wit.ChannelEvent) {
	r.t.Helper()
	queue := []wit.ChannelEvent{e}
	for len(queue) > 0 {
		e := queue[0]
		queue = queue[1:]
		r.now += 1000
		e.Account, e.Config, e.State, e.Now = "default", r.config, r.state, r.now
		out, err := r.plugin.Event(r.host.SDK(), &e)
		if err != nil {
			r.t.Fatalf("event %s: %v", wit.Marshal(&e), err)
		}
		if err := out.Validate(); err != nil {
			r.t.Fatalf("answer %s: %v", wit.Marshal(out), err)
		}
		r.take1(out)
		for i := range out.Requests {
			response, err := r.host.Do(&out.Requests[i])
			if err != nil {
				response = &wit.HTTPResponse{ID: out.Requests[i].ID, Error: wit.AsError(err)}
			}
			queue = append(queue, wit.ChannelEvent{Kind: wit.EventKindResponse, Response: response})
		}
	}
}

// take1 notes an answer.
func (r *rig) take1(out *wit.ChannelAnswer) {
	if out.State != nil {
		r.state = out.State
	}
	r.messages = append(r.messages, out.Messages...)
	r.receipts = append(r.receipts, out.Receipts...)
	for _, f := range out.Frames {
		r.frames = append(r.frames, *f.Text)
	}
	for _, o := range out.Open {
		r.opened = append(r.opened, o.URL)
	}
	r.closed += len(out.Close)
	for _, timer := range out.Timers {
		if r.timers[timer.ID] = timer.After; timer.After == 0 {
			delete(r.timers, timer.ID)
		}
	}
	if out.Status != nil {
		r.status = *out.Status
	}
}

func (r *rig) frame(text string) {
	r.t.Helper()
	r.event(wit.ChannelEvent{Kind: wit.EventKindMessage, Connection: new("gateway"), Message: &wit.Frame{Connection: "gateway", Text: &text}})
}

// take hands in what the server has said since.
func (r *rig) take() {
	r.t.Helper()
	for _, text := range r.tap.Take() {
		r.frame(string(text))
	}
}

// next returns the messages that came since the last call.
func (r *rig) next(n int) []wit.Message {
	r.t.Helper()
	r.take()
	list := r.messages
	r.messages = nil
	if len(list) != n {
		r.t.Fatalf("%d messages came, not %d: %+v", len(list), n, list)
	}
	return list
}

func (r *rig) fire(timer string) {
	r.t.Helper()
	if _, set := r.timers[timer]; !set {
		r.t.Fatalf("timer %s is not set: %v", timer, r.timers)
	}
	delete(r.timers, timer)
	r.event(wit.ChannelEvent{Kind: wit.EventKindTimer, Timer: &timer})
}

func (r *rig) send(send wit.ChannelSend) (*wit.Sent, error) {
	send.Account, send.Config, send.State = "default", r.config, r.state
	return r.plugin.Send(r.host.SDK(), &send)
}

func (r *rig) mustSend(send wit.ChannelSend) *wit.Sent {
	r.t.Helper()
	sent, err := r.send(send)
	if err != nil {
		r.t.Fatalf("send: %v", err)
	}
	return sent
}

// last is the body of the last message that reached a channel.
func (r *rig) last() map[string]any {
	r.t.Helper()
	sent := r.server.Sent()
	var body map[string]any
	if len(sent) == 0 || json.Unmarshal(sent[len(sent)-1].Body, &body) != nil {
		r.t.Fatalf("sent: %+v", sent)
	}
	return body
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// said are the frames that the plugin sent with an opcode.
func (r *rig) said(op string) []string {
	return slices.DeleteFunc(slices.Clone(r.frames), func(f string) bool { return !strings.HasPrefix(f, `{"op":`+op+`,`) })
}
