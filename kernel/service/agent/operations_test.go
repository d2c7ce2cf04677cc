package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAnyOperationOfAConversationMayFail lives through the same conversation again and again, and each time something
// else that is asked of the store fails once: all is said, once, and in order. Only a tool that may have been at work
// is not called again.
func TestAnyOperationOfAConversationMayFail(t *testing.T) {
	want, total := conversation(t, 0)
	if total < 100 {
		t.Fatalf("a conversation has %d operations", total)
	}
	for fail := 1; fail <= total && !t.Failed(); fail++ {
		got, _ := conversation(t, fail)
		got = strings.ReplaceAll(got, "tool: The call was interrupted and its outcome is unknown: it may have happened. Do not repeat it blindly; check first, or ask.", `tool: pay ok {"b":2}`)
		if got != want {
			t.Errorf("operation %d fails:\n%s\nwithout a failure:\n%s", fail, got, want)
		}
	}
}

// conversation returns what was said, and how much was asked of the store.
func conversation(t *testing.T, fail int) (said string, operations int) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Model.NoModels = true
		w.Model.Set(func(c *wit.Chat) *wit.ProviderAnswer {
			last := c.Turns[len(c.Turns)-1]
			switch text := chattest.TextOf(last.Content); {
			case last.Role == wit.RoleTool:
				return chattest.Say("it is done")
			case text == "buy":
				return chattest.Ask(chattest.Call("c1", "add", `{"a":1}`), chattest.Call("c2", "pay", `{"b":2}`))
			case text == "break":
				return &wit.ProviderAnswer{Error: wit.NewError(wit.CodeForbidden, "no money")}
			default:
				return chattest.Say("you said: " + text)
			}
		})
		page := storetest.NewBadPage(w.Store, fail)
		p := w.Build(page)
		for i, text := range []string{"hello", "buy", "/think high", "/new", "/new again", "break"} {
			w.Accept(p, fmt.Sprint("m", i), text)
		}
		p.Run()
		for _, text := range []string{"/status", "/stop"} { // which do not wait for the others
			time.Sleep(time.Minute)
			w.Accept(p, text, text)
		}
		time.Sleep(time.Minute)
		p.Stop()
		operations = page.Operations()
		said = ended(t, w)
	})
	return said, operations
}

// ended tells how each run ended, what is left of the history, and what is delivered.
func ended(t *testing.T, w *chattest.World) string {
	t.Helper()
	var lines []string
	if err := w.Store.View(t.Context(), func(tx store.Tx) error {
		for row, err := range store.Table[run.Run]("runs").Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			r := row.Value
			lines = append(lines, fmt.Sprintf("%s %s %q %q delivered %q", r.ID, r.State, r.Stop, r.Answer, w.Sent()[r.ID]))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(append(lines, w.History(chattest.MainKey)...), "\n")
}
