package session

import (
	"cmp"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Rule says when a conversation ends by itself: the next message begins a new one then. The zero value is never.
type Rule struct {
	// Daily is every day at Hour o'clock of the owner's time zone.
	Daily bool
	Hour  int
	// Idle is after so long without a message, 0 for never.
	Idle time.Duration
}

// Resets are the rules of conversations: that of a channel wins over that of a kind, which wins over Otherwise.
type Resets struct {
	Otherwise Rule
	// Kinds are direct, group and thread.
	Kinds    map[string]Rule
	Channels map[string]Rule
	// Zone is the owner's; nil is the machine's.
	Zone *time.Location
}

// Any reports whether any conversation ends by itself.
func (r Resets) Any() bool {
	return r.Otherwise != Rule{} || len(r.Kinds) > 0 || len(r.Channels) > 0
}

// Stale reports whether a session's conversation has ended by itself: something was said in it, and its rule says that
// what is said now begins a new one.
func (r Resets) Stale(e Entry, now time.Time) bool {
	if e.Last == 0 || e.LastRunState == RunRunning {
		return false
	}
	rule, used := r.of(e), time.UnixMilli(cmp.Or(e.Spoken, e.Updated))
	if rule.Idle > 0 && now.Sub(used) >= rule.Idle {
		return true
	}
	return rule.Daily && used.Before(r.morning(now, rule.Hour))
}

// of is the rule of a session.
func (r Resets) of(e Entry) Rule {
	if rule, ok := r.Channels[e.Origin.Channel]; ok && e.Origin.Channel != "" {
		return rule
	}
	if rule, ok := r.Kinds[kindOf(e)]; ok {
		return rule
	}
	return r.Otherwise
}

// kindOf is what a rule calls a conversation.
func kindOf(e Entry) string {
	c := e.Origin.Conversation
	switch {
	case c == nil:
		return "direct"
	case thread(c) != "":
		return "thread"
	case c.Kind == wit.ConversationKindGroup, c.Kind == wit.ConversationKindChannel:
		return "group"
	}
	return "direct"
}

// morning is the last time that it was hour o'clock.
func (r Resets) morning(now time.Time, hour int) time.Time {
	zone := r.Zone
	if zone == nil {
		zone = time.Local
	}
	now = now.In(zone)
	at := time.Date(now.Year(), now.Month(), now.Day(), hour, 0, 0, 0, zone)
	if at.After(now) {
		at = time.Date(now.Year(), now.Month(), now.Day()-1, hour, 0, 0, 0, zone)
	}
	return at
}
