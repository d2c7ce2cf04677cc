package person_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/person"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// shelf holds words, each a person's.
type shelf struct {
	has    []string
	broken bool
}

func (s *shelf) Lines(_ context.Context, p message.Party, yield func(any) error) error {
	for _, word := range s.has {
		if strings.HasPrefix(word, p.ID) {
			if err := yield(map[string]string{"type": "word", "word": word}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *shelf) Forget(_ context.Context, p message.Party) (int, error) {
	if s.broken {
		return 0, wit.NewError(wit.CodeUnavailable, "the disk is full")
	}
	n := len(s.has)
	s.has = slices.DeleteFunc(s.has, func(word string) bool { return strings.HasPrefix(word, p.ID) || slices.Contains(p.Keys, word) })
	return n - len(s.has), nil
}

// TestARemovalGoesOn after something has failed and the gateway was started again, with what was known of the person at first.
func TestARemovalGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.OpenMemory()
		first, second := &shelf{has: []string{"ann1", "bob1", "key"}}, &shelf{has: []string{"ann2", "bob2"}, broken: true}
		keys := []string{"key"}
		deps := person.Deps{
			Store: st, Holders: []person.Named{{Name: "second", Holder: second}, {Name: "first", Holder: first}}, Log: hclog.NewNullLogger(),
			Meet: func(_ context.Context, p *message.Party) error { p.Keys = keys; return nil },
		}
		call := func(method, params string) error {
			table, err := rpc.NewTable(person.New(deps).Service().Methods...)
			if err != nil {
				t.Fatal(err)
			}
			_, err = table.Call(t.Context(), &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}}, method, []byte(params), nil)
			return err
		}
		if err := call("sessions.purge_user", `{"userId":"chat:ann"}`); wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "ask again") {
			t.Fatalf("%v", err)
		}
		for _, nobody := range []string{"ann", ":ann", "chat:", "chat: "} {
			if err := call("sessions.export_user", `{"userId":"`+nobody+`"}`); wit.CodeOf(err) != wit.CodeInvalid {
				t.Errorf("%q: %v", nobody, err)
			}
		}
		keys, second.broken = nil, false
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- person.New(deps).Service().Run(ctx) }()
		synctest.Wait()
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if left := strings.Join(append(first.has, second.has...), " "); left != "bob1 bob2" {
			t.Errorf("left are %s", left)
		}
		var audit []person.Audit
		if err := st.View(t.Context(), func(tx store.Tx) error {
			for row, err := range store.Table[person.Audit]("person.audit").Scan(tx, store.Range{}) {
				if err != nil {
					return err
				}
				audit = append(audit, row.Value)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(audit) != 1 || audit[0].Removed["first"] != 2 || strings.Contains(audit[0].Person, "ann") {
			t.Errorf("%+v", audit)
		}
	})
}
