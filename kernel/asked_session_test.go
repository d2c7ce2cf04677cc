package kernel_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/codec"
)

// reading is the permission to read the sessions of these agents.
func reading(agents ...string) wit.Permissions {
	return wit.Permissions{SessionRead: &wit.SessionPermission{Reason: "to sum up", Agents: agents}}
}

// TestPluginsReadSessions: page by page, the last used session and the newest messages first.
func TestPluginsReadSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, reach := kerneltest.NewMemoryPlatform(t)
		k := kerneltest.Start(t, reach, account(t, p, openToAll), kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Echo("echo"), asker(reading(), nil, nil)))
		l := k.Listen()
		setToken(l)
		for _, person := range []string{"ann", "bob", "cleo"} {
			for i := range 4 {
				p.Say(person, fmt.Sprint(person, " says ", i))
				time.Sleep(time.Minute)
			}
		}
		p.Say("ann", strings.Repeat("long ", 20_000))
		time.Sleep(time.Minute)

		var order []string
		for offset, more := 0, true; more; offset += 2 {
			var page wit.SessionPage
			read(t, l, "session_find", fields{"limit": 2, "offset": offset}, &page)
			for _, s := range page.Sessions {
				order = append(order, s.Session)
				if *s.Channel != "chat" || *s.Account != "home" || *s.Kind != wit.ConversationKindDirect || s.Agent != "main" || s.Updated == 0 || s.Messages < 8 || s.Title == "" {
					t.Errorf("%+v", s)
				}
			}
			more = page.More
		}
		if got := strings.Join(order, " "); got != "agent:main:chat:dm:ann agent:main:chat:dm:cleo agent:main:chat:dm:bob" {
			t.Errorf("sessions %s", got)
		}
		var recent wit.SessionPage
		if read(t, l, "session_find", fields{"since": time.Now().Add(-90 * time.Second).UnixMilli()}, &recent); len(recent.Sessions) != 1 {
			t.Errorf("used of late: %+v", recent)
		}

		var words []string
		for before, more := uint64(0), true; more; {
			var page wit.HistoryPage
			read(t, l, "session_read", fields{"session": "agent:main:chat:dm:bob", "limit": 3, "before": before}, &page)
			var part []string
			for _, m := range page.Messages {
				part = append(part, fmt.Sprint(m.Number, " ", m.Role, " ", m.Text))
				if (m.Sender != nil) != (m.Role == wit.RoleUser) || m.Run == "" || m.Time == 0 {
					t.Errorf("%+v", m)
				}
			}
			words = append(part, words...)
			before, more = page.Messages[0].Number, page.More
		}
		if len(words) != 8 || words[0] != "1 user bob says 0" || words[7] != "8 assistant you said: bob says 3" {
			t.Errorf("history %q", words)
		}
		var page wit.HistoryPage
		read(t, l, "session_read", fields{"session": "agent:main:chat:dm:ann", "limit": 1}, &page)
		if m := page.Messages[0]; !m.Cut || len(m.Text) > wit.LimitSessionTextBytes || len(m.Text) < wit.LimitSessionTextBytes-100 {
			t.Errorf("a long one: %d bytes, cut %v", len(m.Text), m.Cut)
		}
	})
}

// read asks for something that has to be there.
func read(t *testing.T, l *kerneltest.Listener, call string, param fields, into codec.Receiver) {
	t.Helper()
	got := ask(l, call, param)
	if err := wit.Unmarshal([]byte(got), into); err != nil || strings.HasPrefix(got, "error") {
		t.Fatalf("%s %v: %.300s", call, param, got)
	}
}

// TestAPageOfHistoryIsBounded in bytes, and holds one message at least.
func TestAPageOfHistoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo"), asker(reading(), nil, nil))).Listen()
		for i := range 4 {
			l.Ask(fmt.Sprint("r", i), strings.Repeat("\x01", 32<<10)) // six bytes each in JSON
		}
		got := ask(l, "session_read", fields{"session": "main", "limit": 200})
		var page wit.HistoryPage
		if err := wit.Unmarshal([]byte(got), &page); err != nil || len(got) > wit.LimitSessionPageBytes+1000 || len(page.Messages) < 1 || !page.More {
			t.Errorf("%d bytes, %d messages, more %v, %v", len(got), len(page.Messages), page.More, err)
		}
	})
}

// TestRefusedReading of what a plugin may not read, and of what there is not.
func TestRefusedReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo"), asker(reading("other"), nil, nil))).Listen()
		l.Ask("r1", "hi")
		const forbidden = `error: forbidden: plugin asker: the permission sessionRead is not granted for "main": add it to permissions.sessionRead.agents`
		for call, refused := range map[string]map[string]fields{
			"session_find": {forbidden: {}, "error: invalid: ": {"agent": "nobody"}},
			"session_read": {forbidden: {"session": "main"}, "error: invalid: session: is missing": {}, "error: invalid: ": {"session": "agent:other:main"}},
		} {
			for want, param := range refused {
				if got := ask(l, call, param); !strings.HasPrefix(got, want) {
					t.Errorf("%s %v: %s", call, param, got)
				}
			}
		}
	})
}
