package schedule_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTheLog tells the owner of each run that fails, is interrupted or cannot be recorded, and of each try of a store
// that fails; what goes well, and a stop, are not worth a word.
func TestTheLog(t *testing.T) {
	const failed, interrupted = "job failed", "job was interrupted"
	for name, c := range map[string]struct {
		fire      func(ctx context.Context, f schedule.Firing) (schedule.Result, error)
		resumable bool
		do        func(b *bench, s *storetest.Faulty)
		want      []string
		fired     []string
	}{
		"all is well": {nap(0), false, func(b *bench, _ *storetest.Faulty) {}, nil, []string{"a@10"}},
		"an error": {func(context.Context, schedule.Firing) (schedule.Result, error) {
			return schedule.Result{}, wit.NewError(wit.CodeUnavailable, "no")
		}, false, func(b *bench, _ *storetest.Faulty) {}, []string{failed}, []string{"a@10"}},
		"a panic": {func(context.Context, schedule.Firing) (schedule.Result, error) { panic("oops") },
			false, func(b *bench, _ *storetest.Faulty) {}, []string{"job handler panicked", failed}, []string{"a@10"}},
		"a stop": {nap(time.Hour), true, func(b *bench, _ *storetest.Faulty) {
			b.sleep(20 * time.Second)
			b.stop()
			b.stop = func() {}
		}, nil, []string{"a@10"}},
		"a start behind it": {nap(30 * time.Second), true, func(b *bench, _ *storetest.Faulty) {
			b.sleep(20 * time.Second)
			b.stop()
			b.boot()
		}, []string{interrupted}, []string{"a@10", "a@20/2"}},
		"a start behind a crash": {nap(5 * time.Second), false, func(b *bench, _ *storetest.Faulty) {
			b.sleep(11 * time.Second)
			b.kill() // whose end is that of the handler
			b.boot()
		}, []string{failed, interrupted}, []string{"a@10"}},
		"the first look": {nap(0), false, func(b *bench, s *storetest.Faulty) {
			b.stop()
			s.Fail(storetest.FaultBefore, 1, 2)
			b.boot()
		}, []string{"jobs not readable, retrying", "jobs not readable, retrying"}, []string{"a@10"}},
		"a look": {nap(0), false, func(b *bench, s *storetest.Faulty) {
			b.sleep(9 * time.Second)
			s.Fail(storetest.FaultBefore, 1, 2)
		}, []string{"due jobs not started, retrying", "due jobs not started, retrying"}, []string{"a@20"}},
		"its begin": {nap(0), false, func(b *bench, s *storetest.Faulty) {
			b.sleep(9 * time.Second)
			s.Fail(storetest.FaultCommit, 2, 1)
		}, []string{"due jobs not started, retrying"}, []string{"a@15"}},
		"its end": {nap(5 * time.Second), false, func(b *bench, s *storetest.Faulty) {
			b.sleep(11 * time.Second)
			s.Fail(storetest.FaultCommit, 1, 2)
		}, []string{"recording the end of a job failed", "recording the end of a job failed"}, []string{"a@10"}},
		"an outage in a stop": {nap(time.Hour), false, func(b *bench, s *storetest.Faulty) {
			b.sleep(20 * time.Second)
			s.Fail(storetest.FaultCommit, 1, 1_000_000)
			b.stop()
			b.stop = func() {}
		}, []string{failed, "recording the end of a job failed"}, []string{"a@10"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				b.stop()
				var log bytes.Buffer
				b.log = hclog.New(&hclog.LoggerOptions{Output: &log, DisableTime: true})
				b.handler.Fire, b.handler.Resumable = c.fire, c.resumable
				s := storetest.NewFaulty(b.store)
				b.store = s
				b.boot()
				b.add("a", schedule.Spec{At: b.in(10 * time.Second)})
				c.do(b, s)
				b.sleep(time.Minute)
				var got []string
				for line := range strings.Lines(log.String()) {
					if line, begins := strings.CutPrefix(line, "["); begins { // others are of a stack
						what, _, _ := strings.Cut(line[len("ERROR]"):], ": ")
						got = append(got, strings.TrimSpace(what))
					}
				}
				if !slices.Equal(got, c.want) {
					b.Errorf("%q, want %q", got, c.want)
				}
				b.wantFired(c.fired...)
			})
		})
	}
}
