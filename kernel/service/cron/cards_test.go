package cron_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/service/cron"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// pageOf is what a page says.
type pageOf struct {
	Jobs       []json.RawMessage `json:"jobs"`
	Total      int               `json:"total"`
	HasMore    bool              `json:"hasMore"`
	NextOffset *int              `json:"nextOffset"`
	Revision   string            `json:"snapshotRevision"`
}

func (b *bench) page(params string) (p pageOf) {
	b.Helper()
	out, err := b.call("cron.list", params)
	if err == nil {
		err = json.Unmarshal([]byte(out), &p)
	}
	if err != nil {
		b.Fatalf("%s: %v", params, err)
	}
	return p
}

// TestPagesAreThoseOfAll: whatever is done to jobs, by clients and by time, and however a list is filtered and sorted, its pages
// together are the list that is asked for whole, which reads all jobs.
func TestPagesAreThoseOfAll(t *testing.T) {
	for seed := range uint64(4) {
		inBubble(t, 4, func(b *bench) {
			r := rand.New(rand.NewPCG(seed, 0))
			var ids []string
			pick := func() string { return ids[r.IntN(len(ids))] }
			names := []string{"Water the plants", "water", "Feed the cat", "ÄPFEL"}
			for n := range 60 {
				switch op := r.IntN(6); {
				case op < 2 || len(ids) == 0:
					params := job(fmt.Sprintf(`{"kind":"every","everyMs":%d}`, 60_000*(1+r.IntN(3))), "main", ping, []string{``, `,"agentId":"a1"`, `,"enabled":false`}[r.IntN(3)])
					if r.IntN(3) == 0 {
						params = job(`{"kind":"at","at":"`+time.Now().Add(time.Minute).UTC().Format(time.RFC3339)+`"}`, "main", ping, ``)
					}
					ids = append(ids, b.add(strings.Replace(params, `"n"`, `"`+names[r.IntN(len(names))]+`"`, 1)))
				case op == 2:
					_, _ = b.call("cron.update", fmt.Sprintf(`{"id":%q,"patch":{"name":"%s %d","enabled":%v}}`, pick(), names[r.IntN(len(names))], n, r.IntN(3) > 0))
				case op == 3:
					_, _ = b.call("cron.remove", `{"id":"`+pick()+`"}`)
				case op == 4:
					_, _ = b.call("cron.run", `{"id":"`+pick()+`"}`)
				default:
					b.sleep([]time.Duration{time.Second, time.Minute, 10 * time.Minute}[r.IntN(3)])
				}
				b.sleep(time.Millisecond)
				wantWhole(b, r)
			}
		})
	}
}

// wantWhole compares the pages of a list of some kind with the whole list.
func wantWhole(b *bench, r *rand.Rand) {
	b.Helper()
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	filter := one(`"enabled":"all"`, `"enabled":"enabled"`, `"enabled":"disabled"`, `"includeDisabled":true`) +
		one(``, `,"query":"WATER"`, `,"query":" äpfel"`, `,"query":"nothing"`, `,"agentId":"a1"`, `,"agentId":"main"`) +
		one(``, ``, `,"scheduleKind":"at"`, `,"lastRunStatus":"ok"`, `,"lastRunStatus":"unknown"`) +
		one(``, `,"sortBy":"name"`, `,"sortBy":"updatedAtMs"`, `,"sortBy":"nextRunAtMs"`) + one(``, `,"sortDir":"desc"`, `,"sortDir":"asc"`)
	all := b.page("{" + filter + "}")
	var got []json.RawMessage
	for at := 0; ; {
		p := b.page(fmt.Sprintf(`{%s,"limit":3,"offset":%d}`, filter, at))
		got = append(got, p.Jobs...)
		if p.Total != len(all.Jobs) || p.HasMore != (p.NextOffset != nil) {
			b.Fatalf("%s from %d: %d in all, more %v; there are %d", filter, at, p.Total, p.HasMore, len(all.Jobs))
		}
		if !p.HasMore {
			break
		}
		at = *p.NextOffset
	}
	if fmt.Sprintf("%s", got) != fmt.Sprintf("%s", all.Jobs) {
		b.Fatalf("%s:\n%s\nand all are\n%s", filter, got, all.Jobs)
	}
}

// BenchmarkPages measures a page of the list as the web page asks for it, without a disk, on which filling it takes minutes.
func BenchmarkPages(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { pages(b, n) })
	}
}

func pages(b *testing.B, n int) {
	sched := schedule.New(schedule.Deps{Store: store.OpenMemory(), Claims: new(claim.Local), Zone: time.UTC})
	s := cron.New(cron.Deps{Scheduler: sched, Bus: &event.Bus{}, Agent: agents, Answers: answers})
	table, err := rpc.NewTable(s.Methods()...)
	if err != nil {
		b.Fatal(err)
	}
	caller := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin}, Protocol: 4}
	call := func(method, params string) {
		if _, err := table.Call(b.Context(), caller, method, json.RawMessage(params), nil); err != nil {
			b.Fatal(err)
		}
	}
	for i := range n {
		_, err := sched.Add(b.Context(), schedule.Job{
			Owner: "cron", ID: fmt.Sprintf("job-%06d", i), Name: fmt.Sprint("Job ", i), Enabled: i%10 > 0, Spec: schedule.Spec{EveryMs: 3_600_000},
			Payload: []byte(`{"kind":"agentTurn","text":"look after the plants","target":"isolated","wakeMode":"now"}`),
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for name, params := range map[string]string{
		"first": `"sortBy":"nextRunAtMs","sortDir":"asc"`, "by name": `"sortBy":"name"`, "last changed": `"sortBy":"updatedAtMs","sortDir":"desc"`,
		"of an agent": `"agentId":"main"`, "with a word": `"query":"job 77"`, "of the middle": `"offset":500`,
	} {
		b.Run(name, func(b *testing.B) {
			call("cron.list", `{"limit":50,"sortBy":"name"}`) // the first one reads all jobs
			for i := 0; b.Loop(); i++ {                       // another job changes each time, so that no answer is kept
				b.StopTimer()
				call("cron.update", fmt.Sprintf(`{"id":"job-%06d","patch":{"description":"%d"}}`, i%n, i))
				b.StartTimer()
				call("cron.list", `{"enabled":"all","includeDisabled":true,"limit":50,`+params+`}`)
			}
		})
	}
}
