package search_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/search"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/kernel/store/words"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// idle has no runs.
type idle struct{}

func (idle) Pending(store.Tx, session.Key) (session.Pending, error) { return session.Pending{}, nil }
func (idle) PendingIn(store.Tx, []session.Key) (map[session.Key]session.Pending, error) {
	return nil, nil
}
func (idle) Version(store.Store) uint64 { return 0 }

// world is a search over a store, made anew for each call as after a crash.
type world struct {
	t     *testing.T
	store store.Store
}

func (w world) sessions() *session.Service {
	return session.New(session.Deps{Store: w.store, Bus: new(event.Bus), Queue: idle{}, Settings: func() session.Settings { return session.Settings{} }, Log: hclog.NewNullLogger()})
}

func (w world) find(params string) search.Result {
	w.t.Helper()
	table, err := rpc.NewTable(search.New(search.Deps{Store: w.store, Bus: new(event.Bus), Sessions: w.sessions(), Log: hclog.NewNullLogger()}).Service().Methods...)
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := table.Call(context.Background(), &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeRead}}, "sessions.search", []byte(params), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.(search.Result)
}

// hits are the texts that are found, sorted, once the index is up to date.
func (w world) hits(params string) string {
	w.t.Helper()
	res := w.find(params)
	for range 1000 {
		if !res.Indexing {
			break
		}
		res = w.find(params)
	}
	var list []string
	for _, h := range res.Results {
		list = append(list, strings.TrimPrefix(string(h.SessionKey), "agent:main:")+":"+h.Snippet)
	}
	slices.Sort(list)
	return strings.Join(list, "|")
}

func (w world) say(key session.Key, role wit.Role, channel string, texts ...string) {
	w.t.Helper()
	storetest.Update(w.t, w.store, func(tx store.Tx) error {
		if _, err := session.Ensure(tx, key, message.Origin{Channel: channel}); err != nil {
			return err
		}
		for _, text := range texts {
			if _, err := session.Append(tx, key, session.Message{Role: role, Parts: []wit.Part{session.TextPart(text)}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestSearch finds by words, places, people and times, in the languages of the world, what was said until now.
func TestSearch(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		w := world{t, s}
		w.say("agent:main:main", wit.RoleUser, "", "Where is the harbour?", "我们去北京旅行")
		w.say("agent:main:main", wit.RoleAssistant, "", "The harbour is in the north")
		w.say("agent:main:main", wit.RoleTool, "", "harbour harbour")
		w.say("agent:main:chat", wit.RoleUser, "telegram", "a HÁRBOUR")
		for params, want := range map[string]string{
			`{"query":"harbour","order":"newest"}`:                       "chat:a HÁRBOUR|main:The harbour is in the north|main:Where is the harbour?",
			`{"query":"harbour","roles":["assistant"]}`:                  "main:The harbour is in the north",
			`{"query":"harbour","channels":["telegram"]}`:                "chat:a HÁRBOUR",
			`{"query":"harbour","sessionKeys":["chat"]}`:                 "chat:a HÁRBOUR",
			`{"query":"harbour","until":1}`:                              "",
			`{"query":"harb nor"}`:                                       "main:The harbour is in the north",
			`{"query":"北京"}`:                                             "main:我们去北京旅行",
			`{"query":"\"is the harbour\""}`:                             "main:Where is the harbour?",
			`{"query":"harbour -north","agentId":"main"}`:                "chat:a HÁRBOUR|main:Where is the harbour?",
			`{"query":"harbour","order":"newest","limit":1,"offset":3}`:  "",
			`{"query":"NEAR(\"harbour\") OR text:x*","order":"newest"}`:  "",
			`{"query":"harbour","since":4102444800000,"agentId":"main"}`: "",
		} {
			if got := w.hits(params); got != want {
				t.Errorf("%s finds %q, want %q", params, got, want)
			}
		}
		hit := w.find(`{"query":"nort","highlights":true}`).Results[0]
		if len(hit.Highlights) != 1 || hit.Snippet[hit.Highlights[0].From:hit.Highlights[0].To] != "north" {
			t.Errorf("%+v", hit)
		}
		if page := w.find(`{"query":"harbour","limit":2}`); !page.Truncated || page.NextOffset != 2 {
			t.Errorf("%+v", page)
		}
	})
}

// TestWhatIsGone is not found any more: neither a message nor a trace of its words.
func TestWhatIsGone(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		w := world{t, s}
		w.say("agent:main:trip", wit.RoleUser, "", "the harbour")
		w.say("agent:main:other", wit.RoleUser, "", "the harbour too")
		if got := w.hits(`{"query":"harbour"}`); strings.Count(got, "harbour") != 2 {
			t.Fatal(got)
		}
		sessions := w.sessions()
		storetest.Update(t, s, func(tx store.Tx) error { return sessions.Remove(tx, "agent:main:trip", true) })
		if err := sessions.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.hits(`{"query":"harbour"}`); got != "other:the harbour too" {
			t.Errorf("%q", got)
		}
		if err := s.View(t.Context(), func(tx store.Tx) error {
			found, _, err := tx.Find(session.Texts, store.Search{Words: words.Ask("harbour"), Limit: 10})
			if len(found) != 1 {
				t.Errorf("the index has %v", found)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}

// TestOldHistories are taken into the index where there was none, in steps that a crash may part.
func TestOldHistories(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		w := world{t, s}
		for i := range 7 {
			var texts []string
			for j := range 60 {
				texts = append(texts, fmt.Sprintf("harbour %d of %d", j, i))
			}
			w.say(session.Key(fmt.Sprintf("agent:main:s%d", i)), wit.RoleUser, "", texts...)
		}
		// As a store of before the index: nothing is noted.
		storetest.Update(t, s, func(tx store.Tx) error {
			for {
				id, _, err := session.Unread(tx)
				if err != nil || id == "" {
					return err
				}
				if err := session.Read(tx, id, 0, true); err != nil {
					return err
				}
			}
		})
		// Each call has a service of its own, and few of the steps are done by one.
		if got := w.hits(`{"query":"\"harbour 59\"","limit":100,"order":"newest"}`); strings.Count(got, "harbour 59") != 7 {
			t.Errorf("%q", got)
		}
		w.say("agent:main:s3", wit.RoleUser, "", "one more")
		if got := w.hits(`{"query":"more"}`); got != "s3:one more" {
			t.Errorf("%q", got)
		}
	})
}
