package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestADamagedMessage does not end its conversation, whichever it is: clients read that there is one, the model goes
// on without what it said.
func TestADamagedMessage(t *testing.T) {
	const unreadable = "[this message is damaged and cannot be read]"
	for number, c := range map[int]struct {
		model []string // what the model reads
		roles string   // what clients see
	}{
		1: {[]string{"user: " + unreadable, "assistant: ", `tool: add ok {"a":1}`, "assistant: it is 3", "user: go on"}, "system assistant toolResult assistant user assistant"},
		2: {[]string{"user: add", "user: " + unreadable, "assistant: it is 3", "user: go on"}, "user system toolResult assistant user assistant"},
		3: {[]string{"user: add", "assistant: ", "tool: [no result was recorded]", "user: " + unreadable, "assistant: it is 3", "user: go on"}, "user assistant system assistant user assistant"},
		4: {[]string{"user: add", "assistant: ", `tool: add ok {"a":1}`, "user: " + unreadable, "user: go on"}, "user assistant toolResult system user assistant"},
	} {
		t.Run(fmt.Sprint(number), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := chattest.NewWorld(t)
				p := w.Start(nil)
				chattest.Script(w, chattest.Ask(chattest.Call("c1", "add", `{"a":1}`)), chattest.Say("it is 3"), chattest.Say("going on"))
				p.Send("r1", "add")
				p.Wait("r1")
				p.Stop() // what is read once is kept
				damageMessage(t, w.Store, chattest.MainKey, number)
				p = w.Start(nil)
				p.Send("r2", "go on")
				if r := p.Wait("r2"); r.State != run.Done || r.Answer != "going on" {
					t.Errorf("run %+v", r)
				}
				var read []string
				for _, turn := range w.Model.Requests()[2].Turns {
					text := ""
					if len(turn.Content) > 0 {
						text = *turn.Content[0].Text
					}
					read = append(read, string(turn.Role)+": "+text)
				}
				if !slices.Equal(read, c.model) {
					t.Errorf("the model reads %q", read)
				}
				var roles []string
				for _, m := range p.Must("chat.history", map[string]any{"sessionKey": "main"})["messages"].([]any) {
					roles = append(roles, m.(map[string]any)["role"].(string))
				}
				if got := strings.Join(roles, " "); got != c.roles {
					t.Errorf("clients see %s", got)
				}
			})
		})
	}
}

// TestADamagedQuestion, while it is being answered, does not make the model read all that was ever said.
func TestADamagedQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Settings, w.Model.NoModels = agent.Settings{ContextTokens: 1 << 10}, true
		p := w.Start(nil)
		for i := range 30 {
			id := fmt.Sprint("r", i)
			p.Send(id, strings.Repeat("a", 300))
			p.Wait(id)
		}
		w.Tools.Do = func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
			damageMessage(t, w.Store, chattest.MainKey, 61)
			return &wit.ToolOutput{Content: []wit.Part{session.TextPart("sum")}}, nil
		}
		chattest.Script(w, chattest.Ask(chattest.Call("c1", "add", `{"a":1}`)), chattest.Say("it is 3"))
		p.Send("last", "add")
		if r := p.Wait("last"); r.Answer != "it is 3" {
			t.Errorf("run %+v", r)
		}
		all := w.Model.Requests()
		before, after := len(all[len(all)-2].Turns), len(all[len(all)-1].Turns)
		if after > before+2 || before > 30 {
			t.Errorf("the model reads %d messages, and then %d", before, after)
		}
	})
}

// damageMessage makes the record of a message one that cannot be read.
func damageMessage(t *testing.T, s store.Store, key session.Key, number int) {
	t.Helper()
	storetest.Update(t, s, func(tx store.Tx) error {
		e, err := session.Get(tx, key)
		if err != nil {
			return err
		}
		at := fmt.Sprintf("%s/%016x", e.SessionID, number)
		if _, err := tx.Get("history", at); err != nil {
			return err
		}
		return tx.Put("history", at, []byte(`{"number":`))
	})
}
