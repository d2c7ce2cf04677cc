package kernel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// acting is a channel that edits, deletes, reacts and asks polls, and tells done of each.
func acting(id string, done func(what string)) plugintest.Fake {
	f := kerneltest.Channel(id, func(m *wit.Manifest) { m.Provides.Channel.Operations = []string{"edit", "delete", "react", "poll"} })
	sent := func(id, format string, args ...any) (*wit.Sent, error) {
		done(fmt.Sprintf(format, args...))
		return &wit.Sent{IDs: []string{id}}, nil
	}
	f.Exports["channel_edit"] = kerneltest.Export(func(_ context.Context, e *wit.ChannelEdit) (*wit.Sent, error) {
		return sent(e.ID, "edit %s of %s: %s", e.ID, e.To.ID, e.Text)
	})
	f.Exports["channel_delete"] = kerneltest.Export(func(_ context.Context, d *wit.ChannelDelete) (*wit.Sent, error) {
		return sent(d.ID, "delete %s of %s", d.ID, d.To.ID)
	})
	f.Exports["channel_react"] = kerneltest.Export(func(_ context.Context, r *wit.ChannelReaction) (*wit.Sent, error) {
		return sent(r.ID, "react %q to %s of %s", r.Emoji, r.ID, r.To.ID)
	})
	f.Exports["channel_poll"] = kerneltest.Export(func(_ context.Context, p *wit.ChannelPoll) (*wit.Sent, error) {
		return sent("poll1", "ask %s: %s? %s, at most %d, once as %s", p.To.ID, p.Question, strings.Join(p.Options, " "), p.MaxSelections, p.IdempotencyKey)
	})
	return f
}

// TestMessageActions: what clients do to messages reaches the plugin, and what cannot be done is said before it is tried.
func TestMessageActions(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	var mu sync.Mutex
	var did []string
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo"), kerneltest.Channel("plain"), acting("chat", func(what string) {
		mu.Lock()
		defer mu.Unlock()
		did = append(did, what)
	})), kerneltest.Config(t, fmt.Sprintf(`{"channels":{"chat":{"accounts":{"home":{"config":{"root":%q}}}},"plain":{"accounts":{"home":{"config":{"root":%q}}}}}}`, p.URL, p.URL)))
	l := k.Listen()
	for _, id := range []string{"chat", "plain"} {
		l.MustCall("plugins.configure", object{"id": id, "account": "home", "secrets": object{"token": "platform-token"}}, nil)
		l.MustCall("send", object{"channel": id, "to": "ann", "message": "connected", "idempotencyKey": id}, nil)
	}
	act := func(channel, action, params string) (out struct{ MessageID, Status string }, err error) {
		err = l.Call(t.Context(), "message.action", object{"channel": channel, "action": action, "params": json.RawMessage(params), "idempotencyKey": action + params}, &out)
		return out, err
	}
	for _, c := range []struct{ action, params, want string }{
		{"edit", `{"to":"chat:ann","messageId":5,"message":"better","json":true}`, "edit 5 of ann: better"},
		{"delete", `{"target":"ann","messageId":"5"}`, "delete 5 of ann"},
		{"unsend", `{"target":"ann","messageId":"5"}`, "delete 5 of ann"},
		{"react", `{"to":"ann","messageId":"5","emoji":"👍"}`, `react "👍" to 5 of ann`},
		{"react", `{"to":"ann","messageId":"5","emoji":"👍","remove":true}`, `react "" to 5 of ann`},
		{"poll", `{"to":"ann","pollQuestion":"Tea","pollOption":["yes","no"],"pollMulti":true}`, "ask ann: Tea? yes no, at most 2, once as action:poll"},
	} {
		out, err := act("chat", c.action, c.params)
		if err != nil || out.MessageID == "" || !strings.HasPrefix(did[len(did)-1], c.want) {
			t.Errorf("%s %s: %+v %v; it did %q, want %q", c.action, c.params, out, err, did, c.want)
		}
	}
	if out, err := act("chat", "send", `{"to":"ann","message":"hello"}`); err != nil || out.MessageID == "" || out.Status != "sent" {
		t.Errorf("send: %+v %v", out, err)
	}
	var asked struct{ MessageID string }
	l.MustCall("poll", object{"channel": "chat", "to": "ann", "question": "Tea", "options": []string{"yes", "no"}, "idempotencyKey": "k"}, &asked)
	if asked.MessageID != "poll1" || !strings.HasPrefix(did[len(did)-1], "ask ann: Tea? yes no, at most 1, once as poll:k") {
		t.Errorf("poll: %+v, it did %q", asked, did)
	}
	before := len(did)
	for params, says := range map[string]string{
		`plain react {"to":"ann","messageId":"5","emoji":"x"}`:         "channel plain cannot react",
		`chat react {"to":"ann","messageId":"5"}`:                      "react needs an emoji",
		`chat react {"to":"ann","emoji":"x"}`:                          "react needs the messageId",
		`chat edit {"to":"ann","messageId":"5"}`:                       "edit needs the new message",
		`chat edit {"messageId":"5","message":"x"}`:                    "name the conversation",
		`chat poll {"to":"ann","pollQuestion":"q","pollOption":["a"]}`: "2 to 12 options",
		`chat edit 7`:                           "at /params",
		`nowhere edit {"to":"a"}`:               "nowhere",
		`chat delete {"to":"a","messageId":{}}`: "at /params",
	} {
		part := strings.SplitN(params, " ", 3)
		if _, err := act(part[0], part[1], part[2]); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", params, err, says)
		}
	}
	if len(did) != before {
		t.Errorf("what was refused was done: %q", did[before:])
	}
}
