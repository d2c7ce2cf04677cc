package roster

import (
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
)

// TestTextsAreReadOnce, until somebody changes one.
func TestTextsAreReadOnce(t *testing.T) {
	reads := storetest.NewReads(store.OpenMemory())
	s := New(Deps{Store: reads, Log: hclog.NewNullLogger()})
	name := Names()[0]
	write := func(agent, content string) {
		t.Helper()
		if err := reads.Update(t.Context(), func(tx store.Tx) error {
			return shelves.Put(tx, agent, shelf{Files: map[string]file{name: {Content: content}}})
		}); err != nil {
			t.Fatal(err)
		}
	}
	has := func(agent, want string, read int64) {
		t.Helper()
		var got []Text
		n := reads.Of(func() {
			var err error
			if got, err = s.Texts(t.Context(), agent, true); err != nil {
				t.Error(err)
			}
		})
		if n != read || len(got) != 1 || got[0] != (Text{name, want}) {
			t.Errorf("%s has %q, by %d reads; want %q by %d", agent, got, n, want, read)
		}
	}
	write("a", "one")
	has("a", "one", 1)
	has("a", "one", 0)
	write("b", "two")
	has("a", "one", 1)
	has("b", "two", 1)
	has("b", "two", 0)
	write("b", "three")
	has("b", "three", 1)
}
