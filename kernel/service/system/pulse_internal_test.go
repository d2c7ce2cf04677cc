package system

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/session"
)

// book has what a test says that there is.
type book struct {
	overview session.Overview
	err      error
	accounts []Account
}

func (b *book) Overview(context.Context, session.Models) (session.Overview, error) {
	return b.overview, b.err
}
func (b *book) List() []Account                                            { return b.accounts }
func (b *book) Mark() uint64                                               { return 0 }
func (b *book) Restart(string, string, uint64)                             {}
func (b *book) Test(context.Context, string, string, uint64) (bool, error) { return false, nil }

// TestHealthIsKept as it was encoded, but for its times, until something in it is another.
func TestHealthIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there, wakes := &book{}, Wakes{}
		m := &monitor{stateDir: `/state":-9223372036854775808,"`, agents: func() []string { return []string{"main"} }, sessions: there, accounts: there, heartbeat: func(string) Wakes { return wakes }}
		tell := func() Health {
			b := m.health(t.Context()).at(time.Now())
			var h Health
			if err := json.Unmarshal(b, &h); err != nil {
				t.Fatalf("%v: %s", err, b)
			}
			if again, _ := json.Marshal(h); string(again) != string(b) {
				t.Errorf("got  %s\nwant %s", b, again)
			}
			return h
		}
		for n := range 8 {
			key := fmt.Sprintf(`s%d":-9223372036854775808\`, n)
			there.overview.Count++
			wakes.Every = time.Duration(n) * time.Minute
			there.overview.Recent = append([]session.Row{{Key: session.Key(key), AgentID: "main", UpdatedAt: time.Now().UnixMilli()}}, there.overview.Recent...)
			there.overview.Of = n
			time.Sleep(time.Second)
			h := tell()
			kept := m.last.Load()
			want := min(5, n+1)
			if !h.OK || h.Ts != time.Now().UnixMilli() || h.Sessions.Count != n+1 || h.HeartbeatSeconds != 60*n || len(h.Sessions.Recent) != want || string(h.Sessions.Recent[0].Key) != key {
				t.Errorf("%+v", h)
			}
			for i, r := range h.Sessions.Recent {
				if r != h.Agents[0].Sessions.Recent[i] || r.Age != int64(i+1)*1000+int64(i) {
					t.Errorf("session %d: %+v", i, r)
				}
			}
			time.Sleep(time.Millisecond)
			if h := tell(); h.Sessions.Recent[0].Age != 1001 || m.last.Load() != kept {
				t.Error("it is made anew, or its times stay")
			}
		}
		there.accounts = []Account{{Channel: "chat", Label: "Chat", State: "connected"}}
		if h := tell(); !h.Channels["chat"].Linked {
			t.Errorf("an account is not seen: %+v", h)
		}
		there.accounts = []Account{{Channel: "chat", Label: "Chat", State: "stopped"}}
		if h := tell(); h.Channels["chat"].Linked {
			t.Errorf("an account has changed: %+v", h)
		}
		kept := m.last.Load()
		there.err = context.Canceled
		if h := tell(); h.OK || h.Reason == "" || m.last.Load() != kept {
			t.Errorf("the store is away: %+v", h)
		}
		there.err = nil
		if h := tell(); !h.OK {
			t.Errorf("it is back: %+v", h)
		}
	})
}

func BenchmarkHealth(b *testing.B) {
	there := &book{}
	for n := range 10 {
		there.overview.Recent = append(there.overview.Recent, session.Row{Key: session.Key(fmt.Sprint("agent:main:s", n)), AgentID: "main", UpdatedAt: 1})
	}
	m := &monitor{stateDir: "/state", agents: func() []string { return []string{"main"} }, sessions: there, accounts: there, heartbeat: func(string) Wakes { return Wakes{} }}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = m.tell(b.Context(), HealthParams{})
	}
}
