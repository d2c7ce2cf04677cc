package roster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// killed ends the process of a test, as far as it can be ended.
type killed struct{}

// mortal is a process that is killed before or after one of the things that it writes.
type mortal struct {
	left  int
	after bool
}

func (m *mortal) do(write func() error) error {
	if m.left--; m.left != 0 {
		return write()
	}
	if m.after {
		_ = write()
	}
	panic(killed{})
}

type mortalStore struct {
	store.Store
	*mortal
}

func (s mortalStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.do(func() error { return s.Store.Update(ctx, fn) })
}

type mortalSettings struct {
	*config.Settings
	*mortal
}

func (s mortalSettings) Edit(ctx context.Context, base string, change config.Change) (restart []string, err error) {
	err = s.do(func() error {
		restart, err = s.Settings.Edit(ctx, base, change)
		return err
	})
	return restart, err
}

// letters are an outbox that keeps what it gets where everything else is kept.
type letters struct{ message.Nowhere }

func (letters) Enqueue(tx store.Tx, m message.Outbound) error { return tx.Put("letters", m.ID, nil) }

// life is a gateway of which nothing stays but the store and the file.
type life struct {
	t    *testing.T
	db   store.Store
	path string
}

// begin starts a process, which writes so often at most.
func (l life) begin(writes int, after bool) *Service {
	m := &mortal{writes, after}
	settings, err := config.Open(config.Deps{Path: l.path, Bus: new(event.Bus), Log: hclog.NewNullLogger()})
	if err != nil {
		l.t.Fatal(err)
	}
	return New(Deps{
		Store: mortalStore{l.db, m}, Bus: new(event.Bus), Settings: mortalSettings{settings, m}, Outbox: letters{}, Log: hclog.NewNullLogger(),
		Owner: func(store.Tx) (message.Account, wit.Conversation, bool, error) {
			return message.Account{}, wit.Conversation{}, true, nil
		},
		Model: func(_ context.Context, name string) (string, error) { return name, nil },
	})
}

// seenOf is what can be seen of an agent: whether there is one, and its text.
type seenOf struct {
	there bool
	text  string
}

func (l life) look(s *Service, id string) seenOf {
	texts, err := s.Texts(l.t.Context(), id, true)
	if err != nil {
		l.t.Fatal(err)
	}
	out := seenOf{there: s.Settings.Config().UnknownAgent(id) == nil}
	for _, text := range texts {
		out.text += text.Content
	}
	return out
}

// letters counts what the owner was told.
func (l life) letters() (n int) {
	_ = l.db.View(l.t.Context(), func(tx store.Tx) error {
		n = 0
		for range tx.Scan("letters", store.Range{}) {
			n++
		}
		return nil
	})
	return n
}

// plan is one thing to do with an agent, and what is to be seen of it then.
func plan(r *rand.Rand, id string, was seenOf, round int) (next seenOf, do func(context.Context, *Service) error) {
	switch n := r.IntN(3); {
	case !was.there:
		return seenOf{true, was.text}, func(ctx context.Context, s *Service) error {
			_, err := s.create(ctx, CreateParams{Name: id})
			return err
		}
	case n == 0:
		text := fmt.Sprint("text ", round)
		return seenOf{true, text}, func(ctx context.Context, s *Service) error {
			_, err := s.setFile(ctx, SetFileParams{FileParams{id, "SOUL.md"}, text})
			return err
		}
	case n == 1 && r.IntN(2) == 0:
		return seenOf{false, was.text}, func(ctx context.Context, s *Service) error {
			_, err := s.remove(ctx, DeleteParams{AgentID: id, DeleteFiles: new(bool)})
			return err
		}
	}
	return seenOf{}, func(ctx context.Context, s *Service) error {
		_, err := s.remove(ctx, DeleteParams{AgentID: id})
		return err
	}
}

// bind gives each agent a binding, so that the owner hears of it when it is gone.
func (l life) bind(s *Service) {
	_, err := s.Settings.(mortalSettings).Settings.Edit(l.t.Context(), "", func(d *config.Document) error {
		list := `{"agentId":"main","match":{"channel":"main"}}`
		for _, a := range s.Settings.Config().Roster()[1:] {
			list += fmt.Sprintf(`,{"agentId":%q,"match":{"channel":%[1]q}}`, a.ID)
		}
		return d.Merge([]byte(`{"agents":{"list":[` + entries(s) + `]},"bindings":[` + list + `]}`))
	})
	if err == nil {
		err = s.follow(l.t.Context())
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// entries are the agents as a file has them.
func entries(s *Service) string {
	list := `{"id":"main"}`
	for _, a := range s.Settings.Config().Roster()[1:] {
		list += fmt.Sprintf(`,{"id":%q}`, a.ID)
	}
	return list
}

// TestKilled: whenever the gateway is killed while an agent is added, changed or deleted, the next start finds all of it done, or
// nothing, and the owner hears once of each agent that is gone.
func TestKilled(t *testing.T) {
	for seed := range uint64(15) {
		synctest.Test(t, func(t *testing.T) { killedAt(t, seed) })
	}
}

func killedAt(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	l := life{t, store.OpenMemory(), filepath.Join(t.TempDir(), "carapace.json")}
	now, gone, kills := map[string]seenOf{}, 0, 0
	const never = -1
	l.bind(l.begin(never, false))
	for round := range 12 {
		time.Sleep(time.Millisecond)
		id := []string{"a", "b"}[r.IntN(2)]
		was := now[id]
		next, do := plan(r, id, was, round)
		mortal := l.begin(1+r.IntN(5), r.IntN(2) == 0)
		var err error
		dead := func() (dead bool) {
			defer func() { dead = recover() != nil }()
			if err = do(t.Context(), mortal); err == nil {
				err = mortal.follow(t.Context())
			}
			return false
		}()
		if err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		s := l.begin(never, false)
		if err := s.follow(t.Context()); err != nil {
			t.Fatal(err)
		}
		found := l.look(s, id)
		wanted := []seenOf{next}
		if dead {
			kills++
			wanted = []seenOf{was, next}
		}
		if !slices.Contains(wanted, found) {
			t.Errorf("seed %d, round %d: agent %s was %+v and is %+v, want one of %+v", seed, round, id, was, found, wanted)
		}
		if was.there && !found.there {
			gone++
		}
		now[id] = found
		if told := l.letters(); told != gone {
			t.Errorf("seed %d, round %d: the owner was told %d times of %d agents that are gone", seed, round, told, gone)
		}
		l.bind(s)
	}
	if kills == 0 {
		t.Errorf("seed %d: nothing was killed", seed)
	}
}
