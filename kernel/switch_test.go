package kernel_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/usage"
	"github.com/carapace-gateway/carapace/wit"
)

// TestSwitch: what a connection says without naming a conversation goes to the one that it has switched to, what others say does not;
// and of that conversation there is one branch, and a line for each message that was counted.
func TestSwitch(t *testing.T) {
	t.Parallel()
	m := new(memory)
	k := kerneltest.Start(t, m.options(t)...)
	l, other := k.Listen(), k.Listen()
	l.Ask("r1", "in the main one")
	l.MustCall("sessions.patch", object{"key": "trip", "label": "the trip"}, nil)
	var to session.SwitchResult
	if l.MustCall("sessions.switch", object{"key": "trip"}, &to); to.Key != "agent:main:trip" || to.Entry.Label != "the trip" || to.Defaults.MainSessionKey != "agent:main:main" {
		t.Errorf("%+v", to)
	}
	say := func(l *kerneltest.Listener, run string) {
		l.MustCall("agent", object{"message": "from " + run, "idempotencyKey": run}, nil)
		l.MustCall("agent.wait", object{"runId": run}, nil)
	}
	say(l, "r2")
	say(other, "r3")
	if trip, main := lines(l, "trip"), lines(l, "main"); len(trip) != 2 || trip[0] != "from r2" || len(main) != 4 || main[2] != "from r3" {
		t.Errorf("%q %q", trip, main)
	}
	if err := l.Call(t.Context(), "sessions.switch", object{"key": "nowhere"}, nil); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("%v", err)
	}
	var branches session.BranchesResult
	if l.MustCall("sessions.branches.list", object{"sessionKey": "not yet"}, &branches); branches.Branches == nil || len(branches.Branches) != 0 {
		t.Errorf("of a conversation in which nothing was said: %+v", branches)
	}
	if l.MustCall("sessions.branches.list", object{"sessionKey": "trip"}, &branches); len(branches.Branches) != 1 || branches.Branches[0].MessageCount != 2 || !branches.Branches[0].Active {
		t.Errorf("%+v", branches)
	}
	var logs usage.Logs
	if l.MustCall("sessions.usage.logs", object{"key": "trip"}, &logs); len(logs.Logs) != 2 || logs.Logs[0].Content != "from r2" || logs.Logs[1].Role != "assistant" {
		t.Errorf("%+v", logs)
	}
	var series usage.Timeseries
	l.MustCall("sessions.usage.timeseries", object{"key": "trip"}, &series)
	var sum uint64
	for _, p := range series.Points {
		if sum += p.TotalTokens; p.CumulativeTokens != sum {
			t.Errorf("%+v", series)
		}
	}
}
