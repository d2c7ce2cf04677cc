package wizard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/form"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/wizard"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// owner is a gateway that notes what is set up, and refuses the token "wrong".
type owner struct {
	t    *testing.T
	done []string
	hold chan struct{} // a setup waits for it, unless it is nil
	at   chan struct{} // one has begun
}

func (o *owner) fields(schema string) []form.Field {
	fields, err := form.Read(json.RawMessage(schema))
	if err != nil {
		o.t.Fatal(err)
	}
	return fields
}

func (o *owner) Plugins() ([]wizard.Plugin, error) {
	return []wizard.Plugin{
		{ID: "brain", Name: "Brain", Provider: true, Fields: o.fields(`{"properties":{"api_key":{"title":"Key","x-secret":true},"model":{}}}`)},
		{ID: "chat", Name: "Chat", Channel: true, Fields: o.fields(`{"required":["token"],"properties":{"token":{"title":"Bot token","x-secret":true},
			"mode":{"enum":["poll","push"],"default":"poll"},"quiet":{"type":"boolean","default":true},"wait":{"type":"integer"}}}`)},
		{ID: "simple", Name: "Simple", Provider: true},
	}, nil
}

func (o *owner) Configure(_ context.Context, s wizard.Setup) ([]string, error) {
	if o.hold != nil {
		o.at <- struct{}{}
		<-o.hold
	}
	if s.Secrets["token"] == "wrong" {
		return nil, wit.NewError(wit.CodeUnavailable, "the platform refuses the token")
	}
	o.done = append(o.done, fmt.Sprint(s.ID, " ", s.Account, " ", s.DMPolicy, " ", string(s.Config), " ", s.Secrets))
	if s.ID == "brain" {
		return []string{"small", "big"}, nil
	}
	return nil, nil
}

func (o *owner) Model(context.Context) string { return "" }

// client calls the methods as a client with a scope does.
type client struct {
	t     *testing.T
	table *rpc.Table
}

func newClient(t *testing.T, o *owner) *client {
	table, err := rpc.NewTable(wizard.New(o).Service().Methods...)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, table}
}

type obj = map[string]any

func (c *client) call(method string, params any) (obj, error) {
	raw, err := json.Marshal(params)
	if err != nil {
		c.t.Fatal(err)
	}
	caller := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}, Protocol: 4}
	out, err := c.table.Call(c.t.Context(), caller, method, raw, nil)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(out)
	if err != nil {
		c.t.Fatal(err)
	}
	got := obj{}
	return got, json.Unmarshal(text, &got)
}

// walk answers one step after the other, and returns what was asked, and how it ended.
func (c *client) walk(start obj, answers ...any) (asked []string, last obj, id string) {
	c.t.Helper()
	last, err := c.call("wizard.start", start)
	if err != nil {
		c.t.Fatal(err)
	}
	id = last["sessionId"].(string)
	for _, a := range answers {
		step := last["step"].(obj)
		line := fmt.Sprint(step["type"], " ", strings.SplitN(step["message"].(string), "\n", 2)[0])
		if step["sensitive"] == true {
			line += " (secret)"
		}
		asked = append(asked, line)
		if last, err = c.call("wizard.next", obj{"sessionId": id, "answer": obj{"stepId": step["id"], "value": a}}); err != nil {
			c.t.Fatal(err)
		}
	}
	return asked, last, id
}

// TestFirstRun sets up a model and an account; credentials go beside the settings, and what was not changed is not said.
func TestFirstRun(t *testing.T) {
	o := &owner{t: t}
	asked, last, id := newClient(t, o).walk(obj{}, "brain", "sk-1", true, "big", true, "chat", "t-1", true, "push", false, "30", "allowlist")
	want := []string{
		"select Nobody answers now. Who shall?", "text Key (secret)", "confirm Keep that, and try whether it works?", "select Which model?",
		"confirm Connect an account of a chat platform?", "select On which platform?", "text Bot token (secret)",
		"confirm Everything else has a default: mode, quiet, wait. Change some of it?", "select mode", "confirm quiet", "text wait", "select Who may write to the account?",
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked %q", asked)
	}
	if want := []string{`brain    map[api_key:sk-1]`, `brain   {"model":"big"} map[]`, `chat default allowlist {"mode":"push","quiet":false,"wait":30} map[token:t-1]`}; !slices.Equal(o.done, want) {
		t.Errorf("set up %q", o.done)
	}
	if last["done"] != true || last["status"] != "done" || fmt.Sprint(last["accounts"]) != "[map[accountId:default channel:chat]]" || fmt.Sprint(last["channels"]) != "[chat]" {
		t.Errorf("at the end %v", last)
	}
	if _, err := newClient(t, o).call("wizard.status", obj{"sessionId": id}); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("after the end: %v", err)
	}
}

// TestChannelFlow: what does not work is asked again, an answer that is none too, with the reason.
func TestChannelFlow(t *testing.T) {
	o := &owner{t: t}
	c := newClient(t, o)
	asked, last, _ := c.walk(obj{"flow": "channels", "channel": "chat"}, "", "wrong", false, "pairing", true, "t-2", false, "everybody", "open")
	want := []string{
		"text Bot token (secret)", "text Bot token (secret)", "confirm Everything else has a default: mode, quiet, wait. Change some of it?", "select Who may write to the account?",
		"confirm the platform refuses the token", "text Bot token (secret)", "confirm Everything else has a default: mode, quiet, wait. Change some of it?",
		"select Who may write to the account?", "select Who may write to the account?",
	}
	if !slices.Equal(asked, want) || last["status"] != "done" || !slices.Equal(o.done, []string{"chat default open  map[token:t-2]"}) {
		t.Errorf("asked %q, set up %q, %v", asked, o.done, last)
	}
	if _, last, _ := c.walk(obj{}, 7); last["error"] != `"7" is none of the choices` || last["status"] != "running" {
		t.Errorf("an answer that is none: %v", last)
	}
	if _, last, _ := c.walk(obj{}, "", false); last["status"] != "done" || len(o.done) != 1 {
		t.Errorf("nothing wanted: %v %q", last, o.done)
	}
	if _, err := c.call("wizard.start", obj{"flow": "channels", "channel": "brain"}); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("no channel: %v", err)
	}
}

// TestLives: one that is cancelled, is left too long, or is one too many is gone, with a code by which clients know it.
func TestLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, &owner{t: t})
		gone := func(id, why string) {
			t.Helper()
			_, err := c.call("wizard.next", obj{"sessionId": id})
			if wit.CodeOf(err) != wit.CodeNotFound || !strings.Contains(fmt.Sprint(rpc.DetailsOf(err)), "WIZARD_NOT_FOUND") {
				t.Errorf("%s: %v %v", why, err, rpc.DetailsOf(err))
			}
		}
		_, _, id := c.walk(obj{})
		if got, err := c.call("wizard.next", obj{"sessionId": id}); err != nil || got["step"].(obj)["id"] != "step-0" {
			t.Errorf("once more: %v %v", got, err)
		}
		if _, err := c.call("wizard.next", obj{"sessionId": id, "answer": obj{"stepId": "step-7", "value": ""}}); wit.CodeOf(err) != wit.CodeConflict {
			t.Errorf("another step: %v", err)
		}
		if got, err := c.call("wizard.cancel", obj{"sessionId": id}); err != nil || got["status"] != "cancelled" {
			t.Errorf("cancel: %v %v", got, err)
		}
		gone(id, "cancelled")
		_, _, id = c.walk(obj{})
		time.Sleep(31 * time.Minute)
		gone(id, "left")
		_, _, id = c.walk(obj{})
		for range 16 {
			time.Sleep(time.Second)
			c.walk(obj{})
		}
		gone(id, "one too many")
	})
}

// TestOneAnswerAtATime: while an answer is acted on there is no other one.
func TestOneAnswerAtATime(t *testing.T) {
	o := &owner{t: t, hold: make(chan struct{}), at: make(chan struct{})}
	c := newClient(t, o)
	_, _, id := c.walk(obj{"flow": "channels", "channel": "chat"}, "t-1", false)
	ended := make(chan error)
	go func() {
		_, err := c.call("wizard.next", obj{"sessionId": id, "answer": obj{"stepId": "step-2", "value": "open"}})
		ended <- err
	}()
	<-o.at
	if _, err := c.call("wizard.next", obj{"sessionId": id}); wit.CodeOf(err) != wit.CodeConflict {
		t.Errorf("meanwhile: %v", err)
	}
	close(o.hold)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
