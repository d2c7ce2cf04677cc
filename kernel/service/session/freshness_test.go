package session_test

import (
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// TestStale looks at conversations around the hour at which they end, in the owner's zone, also on the days on which
// its clocks are changed.
func TestStale(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		when, err := time.ParseInLocation("2006-01-02 15:04", text, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	daily, idle := session.Rule{Daily: true, Hour: 4}, session.Rule{Idle: time.Hour}
	thread := "t"
	group := message.Origin{Channel: "chat", Conversation: &wit.Conversation{Kind: wit.ConversationKindGroup, ID: "g"}}
	inThread := message.Origin{Channel: "forum", Conversation: &wit.Conversation{Kind: wit.ConversationKindGroup, ID: "g", Thread: &thread}}
	for name, tt := range map[string]struct {
		rules     session.Resets
		used, now string
		entry     session.Entry
		want      bool
	}{
		"no rule":                    {session.Resets{}, "2026-01-01 00:00", "2026-12-01 00:00", session.Entry{Last: 2}, false},
		"before four":                {session.Resets{Otherwise: daily}, "2026-11-28 22:00", "2026-11-29 03:59", session.Entry{Last: 2}, false},
		"at four":                    {session.Resets{Otherwise: daily}, "2026-11-28 22:00", "2026-11-29 04:00", session.Entry{Last: 2}, true},
		"after four, the same day":   {session.Resets{Otherwise: daily}, "2026-11-29 04:00", "2026-11-29 23:00", session.Entry{Last: 2}, false},
		"the clocks go forward":      {session.Resets{Otherwise: session.Rule{Daily: true, Hour: 2}}, "2026-03-29 01:30", "2026-03-29 03:30", session.Entry{Last: 2}, true},
		"the clocks go back":         {session.Resets{Otherwise: daily}, "2026-10-25 01:00", "2026-10-25 03:30", session.Entry{Last: 2}, false},
		"not idle":                   {session.Resets{Otherwise: idle}, "2026-11-29 04:00", "2026-11-29 04:59", session.Entry{Last: 2}, false},
		"idle":                       {session.Resets{Otherwise: idle}, "2026-11-29 04:00", "2026-11-29 05:00", session.Entry{Last: 2}, true},
		"nothing was said":           {session.Resets{Otherwise: idle}, "2026-11-29 04:00", "2026-11-29 05:00", session.Entry{}, false},
		"being answered":             {session.Resets{Otherwise: idle}, "2026-11-29 04:00", "2026-11-29 05:00", session.Entry{Last: 2, LastRunState: session.RunRunning}, false},
		"the kind's rule":            {session.Resets{Kinds: map[string]session.Rule{"group": idle}}, "2026-11-29 04:00", "2026-11-29 05:00", session.Entry{Last: 2, Origin: group}, true},
		"the rule of another kind":   {session.Resets{Kinds: map[string]session.Rule{"group": idle}}, "2026-11-29 04:00", "2026-11-29 05:00", session.Entry{Last: 2, Origin: inThread}, false},
		"the channel's rule wins":    {session.Resets{Otherwise: idle, Channels: map[string]session.Rule{"chat": {}}}, "2026-11-29 04:00", "2026-11-29 05:00", session.Entry{Last: 2, Origin: group}, false},
		"daily and idle, the latter": {session.Resets{Otherwise: session.Rule{Daily: true, Hour: 4, Idle: time.Hour}}, "2026-11-29 05:00", "2026-11-29 06:00", session.Entry{Last: 2}, true},
	} {
		tt.rules.Zone = berlin
		tt.entry.Updated = at(tt.used).UnixMilli()
		if got := tt.rules.Stale(tt.entry, at(tt.now)); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
