package cron_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/service/cron"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// calendarCase is a line of testdata/calendar.jsonl: a schedule and its due times, each the next after the one
// before, or a part of the reason for which it is refused. Source is where others met it.
type calendarCase struct {
	Name, About, Source string
	Job                 json.RawMessage
	Due                 []time.Time
	Refused             string
}

func calendarCases(t *testing.T) (list []calendarCase) {
	t.Helper()
	file, err := os.ReadFile("testdata/calendar.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		var c calendarCase
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if c.About == "" || (len(c.Due) == 0) == (c.Refused == "") {
			t.Fatalf("%s: a case is about something, and due or refused", c.Name)
		}
		list = append(list, c)
	}
	return list
}

func TestCalendar(t *testing.T) {
	for _, c := range calendarCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // time.Now is in the year 2000: no case is ever in the past
				now := time.Now()
				table := calendar(t, &now)
				add := func() (cron.Job, error) {
					params := `{"payload":{"kind":"systemEvent","text":"t"},"schedule":` + string(c.Job) + `}`
					out, err := table.Call(context.Background(), &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}, Protocol: 4}, "cron.add", json.RawMessage(params), nil)
					job, _ := out.(cron.Job)
					return job, err
				}
				if c.Refused != "" {
					if _, err := add(); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), c.Refused) {
						t.Fatalf("%v, want a refusal because of %q", err, c.Refused)
					}
					return
				}
				now = c.Due[0].Add(-time.Second)
				for _, want := range c.Due {
					job, err := add()
					if err != nil {
						t.Fatal(err)
					}
					if got := time.UnixMilli(job.State.NextRunAtMs); !got.Equal(want) {
						t.Fatalf("after %v it is due at %v, want %v", now, got.UTC(), want)
					}
					now = want
				}
			})
		})
	}
}

// calendar is the service over a scheduler that runs nothing and whose clock is now.
func calendar(t *testing.T, now *time.Time) *rpc.Table {
	t.Helper()
	sched := schedule.New(schedule.Deps{Store: store.OpenMemory(), Zone: time.UTC, Now: func() time.Time { return *now }})
	table, err := rpc.NewTable(cron.New(cron.Deps{Scheduler: sched, Bus: &event.Bus{}, Agent: agents, Answers: answers}).Methods()...)
	if err != nil {
		t.Fatal(err)
	}
	return table
}
