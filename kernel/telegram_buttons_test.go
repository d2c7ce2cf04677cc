package kernel_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTheOwnerLetsSomebodyInByAButton: who writes for the first time is asked about in the owner's chat, also over a restart.
// The press is acted on once, however often Telegram brings it, and what others press or make up does nothing but say so.
func TestTheOwnerLetsSomebodyInByAButton(t *testing.T) {
	t.Parallel()
	s, root := botServer(t)
	options := []kerneltest.Option{kerneltest.StateDir(t.TempDir()), kerneltest.Config(t, fmt.Sprintf(
		`{"owners":["telegram:1"],"channels":{"telegram":{"accounts":{"default":{"groupPolicy":"open","config":{"apiRoot":%q}}}}}}`, root))}
	k := stock(t, options...)
	l := k.Listen()
	setBotToken(l, s)
	owner, newcomer, other := person(1), person(3), person(4)
	s.DM(owner, "what is 1+1?")
	answers(t, s, 1, 1)
	s.DM(newcomer, "let me in")
	if got := answers(t, s, 3, 1)[0]; !strings.Contains(got, "Pairing code: ") {
		t.Fatalf("the newcomer reads %q", got)
	}
	asked := waitFor(t, s, 1, func(m botapitest.Message) bool { return len(m.Buttons()) > 0 })
	approve, ok := asked.Button("Approve")
	if _, also := asked.Button("Dismiss"); !ok || !also || !strings.Contains(asked.Text, "Person 3 (id 3) asks to write") {
		t.Fatalf("the owner reads %q with %s", asked.Text, asked.ReplyMarkup)
	}

	k.Stop()
	k = stock(t, options...)
	l = k.Listen()
	// Somebody who may speak, with the value that the owner's button has: in a group, where it was not asked, and another
	// one that was never given.
	group := botapitest.Chat{ID: -1005, Type: "supergroup", Title: "Friends"}
	above := s.Say(botapitest.Message{From: new(other), Chat: group, Text: "hello all"})
	s.Press(group.ID, above.MessageID, other, approve.CallbackData)
	s.Press(group.ID, above.MessageID, other, approve.CallbackData)
	s.Press(1, asked.MessageID, owner, "approve.0")
	if got := answers(t, s, group.ID, 1); got[0] != "This choice is over." {
		t.Errorf("the group reads %q", got)
	}
	waitFor(t, s, 1, func(m botapitest.Message) bool { return m.Text == "This choice is over." })
	var list inbox.PairingApprovedResult
	if l.MustCall("channels.pairing.approved", map[string]any{}, &list); len(list.Approved) != 0 {
		t.Fatalf("a forged choice let in %+v", list.Approved)
	}

	s.Press(1, asked.MessageID, owner, approve.CallbackData)
	s.Press(1, asked.MessageID, owner, approve.CallbackData)
	if got := answers(t, s, 3, 2); got[1] != "You have been approved. Say hello!" {
		t.Errorf("the newcomer reads %q", got)
	}
	s.Redeliver(2)
	marked := waitFor(t, s, 1, func(m botapitest.Message) bool { return strings.Contains(m.Text, "✓ Approved") })
	if marked.MessageID != asked.MessageID || len(marked.Buttons()) != 0 || !strings.HasPrefix(marked.Text, asked.Text) {
		t.Errorf("the question is now %q with %s", marked.Text, marked.ReplyMarkup)
	}
	s.DM(newcomer, "what is 20+3?")
	if got := answers(t, s, 3, 3); !strings.Contains(got[2], "23") {
		t.Errorf("the newcomer reads %q", got)
	}
	if got := answers(t, s, group.ID, 1); len(got) != 1 {
		t.Errorf("the group reads %q", got)
	}
	if l.MustCall("channels.pairing.approved", map[string]any{}, &list); len(list.Approved) != 1 || list.Approved[0].SenderID != "3" {
		t.Errorf("approved: %+v", list.Approved)
	}
	if err := s.Wait(t.Context(), func() bool { return s.Stats()["answercallbackquery"] >= 5 }); err != nil {
		t.Error(err)
	}
}

// TestARequestDecidedElsewhere: the buttons in the owner's chat go when the owner decides at the command line.
func TestARequestDecidedElsewhere(t *testing.T) {
	t.Parallel()
	s, root := botServer(t)
	l := stock(t, kerneltest.Config(t, fmt.Sprintf(
		`{"owners":["telegram:1"],"channels":{"telegram":{"accounts":{"default":{"config":{"apiRoot":%q}}}}}}`, root))).Listen()
	setBotToken(l, s)
	s.DM(person(1), "what is 1+1?")
	answers(t, s, 1, 1)
	s.DM(person(3), "let me in")
	waitFor(t, s, 1, func(m botapitest.Message) bool { return len(m.Buttons()) > 0 })
	var list inbox.PairingListResult
	if l.MustCall("channels.pairing.list", map[string]any{}, &list); len(list.Requests) != 1 {
		t.Fatalf("%+v", list)
	}
	l.MustCall("channels.pairing.dismiss", map[string]any{"channel": "telegram", "code": list.Requests[0].RequestID}, nil)
	if m := waitFor(t, s, 1, func(m botapitest.Message) bool { return strings.HasSuffix(m.Text, "Dismissed") }); len(m.Buttons()) != 0 {
		t.Errorf("buttons %s", m.ReplyMarkup)
	}
}

// waitFor waits for a message of the bot in a chat.
func waitFor(t *testing.T, s *botapitest.Server, chat int64, is func(botapitest.Message) bool) (found botapitest.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	err := s.Wait(ctx, func() bool {
		for _, m := range s.Messages(chat) {
			if m.From != nil && m.From.ID == s.Bot().ID && is(m) {
				found = m
				return true
			}
		}
		return false
	})
	if err != nil {
		t.Fatalf("chat %d does not show it: %+v", chat, s.Messages(chat))
	}
	return found
}

// TestTheOwnerApprovesACallByAButton: a tool that sends is called once the owner has said so, and not when they deny it; one
// that only reads is not asked about.
func TestTheOwnerApprovesACallByAButton(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	tool := func(name string, effects ...wit.Effect) plugintest.Fake {
		return plugintest.Fake{
			Manifest: wit.Manifest{ID: name, Name: name, Version: "1.0.0", Description: "Does it.", ABI: 1, Entry: "plugin.wasm",
				Provides: wit.Provides{Tools: []wit.ToolDefinition{{Name: name, Description: "Does it.", Parameters: wit.JSON(`{"type":"object"}`), Effects: effects}}}},
			Exports: kerneltest.Exports{"tool_invoke": kerneltest.Export(func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
				calls.Add(1)
				return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: new("done by " + name)}}}, nil
			})},
		}
	}
	caller := kerneltest.Provider("caller", func(_ context.Context, chat *wit.Chat) (*wit.ProviderAnswer, error) {
		if last := chat.Turns[len(chat.Turns)-1]; last.Role == wit.RoleTool {
			return kerneltest.Says(kerneltest.Heard(chat)), nil
		}
		return &wit.ProviderAnswer{Stop: new(wit.StopReasonToolCalls),
			ToolCalls: []wit.ToolCall{{ID: "c1", Name: kerneltest.Heard(chat), Args: wit.JSON(`{"to":"Bob"}`)}}}, nil
	})
	s, account := telegram(t, botapitest.Config{}, "")
	l := stock(t, account, settings(func(c *config.Config) {
		c.Agent.Model, c.Agent.Approve, c.Owners = "caller/any", []wit.Effect{wit.EffectSends}, []string{"telegram:1"}
	}), kerneltest.Plugin(caller), kerneltest.Plugin(tool("mail", wit.EffectSends)), kerneltest.Plugin(tool("look", wit.EffectReads))).Listen()
	setBotToken(l, s)
	owner := person(1)
	s.DM(owner, "look")
	waitFor(t, s, 1, func(m botapitest.Message) bool { return m.Text == "done by look" })
	for label, want := range map[string]string{"Approve": "done by mail", "Deny": "The call was not made: the owner has denied it."} {
		before := calls.Load()
		s.DM(owner, "mail")
		asked := waitFor(t, s, 1, func(m botapitest.Message) bool { _, ok := m.Button(label); return ok })
		if !strings.Contains(asked.Text, "call mail, which sends?") || !strings.Contains(asked.Text, `{"to":"Bob"}`) || calls.Load() != before {
			t.Errorf("the owner reads %q after %d calls", asked.Text, calls.Load()-before)
		}
		button, _ := asked.Button(label)
		s.Press(1, asked.MessageID, owner, button.CallbackData)
		s.Press(1, asked.MessageID, owner, button.CallbackData)
		waitFor(t, s, 1, func(m botapitest.Message) bool { return m.Text == want })
		waitFor(t, s, 1, func(m botapitest.Message) bool {
			return strings.HasSuffix(m.Text, "✓ "+label) && len(m.Buttons()) == 0
		})
		if made := calls.Load() - before; label == "Approve" && made != 1 || label == "Deny" && made != 0 {
			t.Errorf("%s: the tool was called %d times", label, made)
		}
	}
	// Who pressed is noted, once for each decision, and nothing of what was to be done.
	pressed := noted(l, "approval.press")
	decided := map[string]bool{}
	for _, e := range pressed {
		decided[e.Call.About["decision"]] = true
		if who := e.Call.Caller; who.Channel != "telegram" || who.SenderID != "1" || e.Call.About["id"] == "" || strings.Contains(string(asJSON(t, e)), "Bob") {
			t.Errorf("%+v", e)
		}
	}
	if len(pressed) != 2 || !decided["allow-once"] || !decided["deny"] {
		t.Errorf("%d are noted: %+v", len(pressed), pressed)
	}
	l.MustCall("sessions.purge_user", object{"userId": "telegram:1"}, nil)
	for _, e := range noted(l, "approval.press") {
		if who := e.Call.Caller; who.SenderID != "" || who.Name != "" {
			t.Errorf("a person who was removed is still noted: %+v", who)
		}
	}
}
