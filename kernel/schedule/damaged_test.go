package schedule_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// damage makes a record of one of cron's jobs one that cannot be read.
func (b *bench) damage(space, key, value string) {
	b.Helper()
	storetest.Update(b.T, b.store, func(tx store.Tx) error {
		if _, err := tx.Get(space, "cron\x00"+key); err != nil {
			return err
		}
		return tx.Put(space, "cron\x00"+key, []byte(value))
	})
}

// TestADamagedJobHoldsUpNoOther, whichever the damage, and whether it comes while the scheduler runs or before its
// start. It is logged once, and can be removed, or set anew.
func TestADamagedJobHoldsUpNoOther(t *testing.T) {
	for name, value := range map[string]string{
		"no JSON": "{", "nothing": "", "another type": `{"id":"b","owner":"cron","name":7}`, "a list": "[]",
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " restart ", restart), func(t *testing.T) {
				inBubble(t, func(b *bench) {
					var log bytes.Buffer
					b.log = hclog.New(&hclog.LoggerOptions{Output: &log})
					b.stop()
					b.boot()
					for _, id := range []string{"a", "b", "c"} {
						b.add(id, schedule.Spec{At: b.in(time.Minute)})
					}
					b.damage("schedule.job", "b", value)
					if restart {
						b.stop()
						b.boot()
					}
					b.sleep(10 * time.Minute)
					b.wantFired("a@60", "c@60")
					if n := strings.Count(log.String(), "damaged record left out"); n != 1 || !strings.Contains(log.String(), "schedule.job/") {
						b.Errorf("it is logged %d times: %s", n, log.String())
					}
					b.usable()
				})
			})
		}
	}
}

// usable does with the damaged job b, and beside it, what people do.
func (b *bench) usable() {
	b.Helper()
	ctx := context.Background()
	if list, err := b.s.List(ctx, "cron"); err != nil || len(list) != 2 {
		b.Errorf("the list: %v, %v", list, err)
	}
	_, err := b.s.Get(ctx, "cron", "b")
	wantCode(b, "what is damaged", err, wit.CodeInternal)
	if err := b.s.Remove(ctx, "cron", "b"); err != nil {
		b.Error(err)
	}
	_, err = b.s.Get(ctx, "cron", "b")
	wantCode(b, "what was removed", err, wit.CodeNotFound)
	b.add("b", schedule.Spec{At: b.in(time.Hour)})
	b.damage("schedule.job", "b", "{")
	if _, err := b.s.Set(ctx, schedule.Job{ID: "b", Owner: "cron", Enabled: true, Spec: schedule.Spec{At: b.in(time.Minute)}}); err != nil {
		b.Error(err)
	}
	b.sleep(2 * time.Hour)
	b.wantFired("a@60", "c@60", "b@660")
	b.add("d", schedule.Spec{At: b.in(time.Hour)})
	b.damage("schedule.job", "d", "{")
	if err := b.s.RemoveAll(ctx, "cron"); err != nil {
		b.Error(err)
	}
	b.wantNothing("schedule.job", "schedule.due", "schedule.run")
}

// wantNothing looks for what is left in the store.
func (b *bench) wantNothing(spaces ...string) {
	b.Helper()
	if err := b.store.View(context.Background(), func(tx store.Tx) error {
		for _, space := range spaces {
			for rec := range tx.Scan(space, store.Range{}) {
				b.Errorf("%s/%q is left", space, rec.Key)
			}
		}
		return nil
	}); err != nil {
		b.Error(err)
	}
}

// TestADamagedHistory is as good as none: jobs that come, run, go and are looked at do not depend on it.
func TestADamagedHistory(t *testing.T) {
	inBubble(t, func(b *bench) {
		once := func(id string) {
			b.Helper()
			j := schedule.Job{ID: id, Owner: "cron", Enabled: true, DeleteAfterRun: true, Spec: schedule.Spec{At: b.in(time.Second)}}
			if _, err := b.s.Add(b.Context(), j); err != nil {
				b.Fatal(err)
			}
			b.sleep(5 * time.Second)
		}
		once("a")
		b.damage("schedule.gone", "000000000001", "{")
		once("b")
		if list, err := b.s.Gone(b.Context(), "cron"); err != nil || len(list) != 1 || list[0].ID != "b" {
			b.Errorf("those that are gone: %v, %v", list, err)
		}
		b.wantRuns("b", "ok(done)")
		b.add("c", schedule.Spec{EveryMs: 60_000})
		b.sleep(5*time.Minute + 30*time.Second)
		b.damage("schedule.run", "c\x00000000000002", "{")
		b.wantRuns("c", "ok(done) ok(done) ok(done) ok(done)")
		if err := b.s.RemoveAll(b.Context(), "cron"); err != nil {
			b.Error(err)
		}
		b.wantNothing("schedule.job", "schedule.due", "schedule.gone")
	})
}

// TestADamagedJobIsNotAddedAgain: who adds a job does not know of the one that is there.
func TestADamagedJobIsNotAddedAgain(t *testing.T) {
	inBubble(t, func(b *bench) {
		j := b.add("a", schedule.Spec{At: b.in(time.Minute)})
		b.damage("schedule.job", "a", "{")
		_, err := b.s.Add(b.Context(), j)
		wantCode(b, "added again", err, wit.CodeInternal)
	})
}
