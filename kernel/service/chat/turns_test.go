package chat_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// TestWhoTakesTurns: a client by its device, or by its connection, whatever it asks with; in channels the owner, and
// all others of an account together.
func TestWhoTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		call := func(caller rpc.Caller, method string, params map[string]any) {
			caller.Role, caller.Scopes = wire.RoleOperator, []wire.Scope{wire.ScopeAdmin}
			raw, err := json.Marshal(params)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Table.Call(context.Background(), &caller, method, raw, func(any) {}); err != nil {
				t.Fatal(err)
			}
		}
		accept := func(id, sender, account string, kind wit.ConversationKind) {
			m := chattest.Inbound(id, "hi")
			m.Account.ID, m.Message.Sender, m.Message.Conversation = account, wit.Person{ID: sender}, wit.Conversation{Kind: kind, ID: "c" + sender}
			if err := w.Store.Update(t.Context(), func(tx store.Tx) error { _, err := p.Intake.Accept(tx, m); return err }); err != nil {
				t.Fatal(err)
			}
			p.Intake.Wake()
		}
		phone, tab := rpc.Caller{ConnID: "c1", DeviceID: "d1"}, rpc.Caller{ConnID: "c2"}
		call(phone, "chat.send", map[string]any{"sessionKey": "a", "message": "hi", "idempotencyKey": "r1"})
		call(phone, "agent", map[string]any{"sessionKey": "b", "message": "hi", "idempotencyKey": "r2"})
		call(tab, "chat.send", map[string]any{"sessionKey": "a", "message": "hi", "idempotencyKey": "r3"})
		accept("m1", "42", "one", wit.ConversationKindDirect)
		accept("m2", "7", "one", wit.ConversationKindDirect)
		accept("m3", "8", "one", wit.ConversationKindGroup)
		accept("m4", "8", "two", wit.ConversationKindDirect)
		for id, want := range map[string]string{
			"r1": "device:d1", "r2": "device:d1", "r3": "connection:c2",
			run.FromChannel.ID("in-m1"): "owner", run.FromChannel.ID("in-m2"): "channel:chat/one", run.FromChannel.ID("in-m3"): "channel:chat/one",
			run.FromChannel.ID("in-m4"): "channel:chat/two",
		} {
			if r := p.Wait(id); r.Asker != want || r.State != run.Done {
				t.Errorf("%s is %q's, not %q's: %+v", id, r.Asker, want, r)
			}
		}
	})
}
