package schedule_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// TestBoundsOfSchedules: the longest and the latest that fit do, and what could not be worked out is refused at once.
func TestBoundsOfSchedules(t *testing.T) {
	const year9999 = 253402300799999
	list := func(n int) string { return "0" + strings.Repeat(",0", (n-len("0 9 * * *"))/2) + " 9 * * *" }
	s := schedule.New(schedule.Deps{Store: store.OpenMemory(), Claims: new(claim.Local)})
	for name, c := range map[string]struct {
		spec schedule.Spec
		want wit.Code
	}{
		"longest expression":      {schedule.Spec{Cron: list(255) + " "}, ""},
		"too long an expression":  {schedule.Spec{Cron: list(257)}, wit.CodeInvalid},
		"too long with spaces":    {schedule.Spec{Cron: "0 9 * * *" + strings.Repeat(" ", 300)}, wit.CodeInvalid},
		"too long a zone":         {schedule.Spec{Cron: "0 9 * * *", TZ: strings.Repeat("U", 65)}, wit.CodeInvalid},
		"no step to sunday":       {schedule.Spec{Cron: "0 9 * * 1-7/0"}, wit.CodeInvalid},
		"a step back to sunday":   {schedule.Spec{Cron: "0 9 * * 1-7/-1"}, wit.CodeInvalid},
		"from behind sunday":      {schedule.Spec{Cron: "0 9 * * 8-7"}, wit.CodeInvalid},
		"from nothing to sunday":  {schedule.Spec{Cron: "0 9 * * x-7"}, wit.CodeInvalid},
		"a step that is none":     {schedule.Spec{Cron: "0 9 * * 1-7/x"}, wit.CodeInvalid},
		"each second day":         {schedule.Spec{Cron: "0 9 * * 1-7/2"}, ""},
		"from sunday to sunday":   {schedule.Spec{Cron: "0 9 * * 0-7"}, ""},
		"sunday alone":            {schedule.Spec{Cron: "0 9 * * 7-7"}, ""},
		"shortest interval":       {schedule.Spec{EveryMs: 1000}, ""},
		"too short an interval":   {schedule.Spec{EveryMs: 999}, wit.CodeInvalid},
		"a negative interval":     {schedule.Spec{EveryMs: -1}, wit.CodeInvalid},
		"longest interval":        {schedule.Spec{EveryMs: year9999}, ""},
		"too long an interval":    {schedule.Spec{EveryMs: year9999 + 1}, wit.CodeInvalid},
		"latest anchor":           {schedule.Spec{EveryMs: 1000, AnchorMs: year9999}, ""},
		"too late an anchor":      {schedule.Spec{EveryMs: 1000, AnchorMs: year9999 + 1}, wit.CodeInvalid},
		"a negative anchor":       {schedule.Spec{EveryMs: 1000, AnchorMs: -1}, wit.CodeInvalid},
		"latest time":             {schedule.Spec{At: year9999}, ""},
		"too late a time":         {schedule.Spec{At: year9999 + 1}, wit.CodeInvalid},
		"a negative time":         {schedule.Spec{At: -1}, wit.CodeInvalid},
		"a day that never comes":  {schedule.Spec{Cron: "0 0 30 2 *"}, wit.CodeInvalid},
		"two kinds":               {schedule.Spec{At: 1, EveryMs: 1000}, wit.CodeInvalid},
		"a zone in an expression": {schedule.Spec{Cron: "TZ=UTC 0 9 * * *"}, wit.CodeInvalid},
		"an interval as cron":     {schedule.Spec{Cron: "@every 5s"}, wit.CodeInvalid},
	} {
		_, err := s.Add(t.Context(), schedule.Job{ID: strings.ReplaceAll(name, " ", "-"), Owner: "o", Spec: c.spec})
		wantCode(t, name, err, c.want)
	}
}

// TestNamesAreText: what a job is called can be shown, and told apart in a key.
func TestNamesAreText(t *testing.T) {
	s := schedule.New(schedule.Deps{Store: store.OpenMemory(), Claims: new(claim.Local)})
	for _, bad := range []string{"\xff", "a\x00b", "a\nb", "\u0085"} {
		for what, j := range map[string]schedule.Job{"id": {ID: bad, Owner: "o"}, "owner": {ID: "a", Owner: schedule.Owner(bad)}, "name": {ID: "a", Owner: "o", Name: bad}} {
			j.Spec.EveryMs = 1000
			_, err := s.Add(t.Context(), j)
			wantCode(t, what+" "+strconv.Quote(bad), err, wit.CodeInvalid)
		}
	}
}

// TestWhatAHandlerSaysIsBounded, and kept whole up to the bound.
func TestWhatAHandlerSaysIsBounded(t *testing.T) {
	for said, want := range map[string]string{
		strings.Repeat("x", 4096):       strings.Repeat("x", 4096),
		strings.Repeat("x", 4097):       strings.Repeat("x", 4096) + "…",
		strings.Repeat("x", 4095) + "ä": strings.Repeat("x", 4095) + "…",
		"a\xffb":                        "ab",
	} {
		inBubble(t, func(b *bench) {
			b.stop()
			b.handler.Fire = func(context.Context, schedule.Firing) (schedule.Result, error) {
				return schedule.Result{Summary: said}, nil
			}
			b.boot()
			b.add("a", schedule.Spec{At: b.in(time.Second)})
			b.sleep(2 * time.Second)
			b.wantRuns("a", "ok("+want+")")
		})
	}
}

// TestWhatIsRecordedOfARun: what it was due for, under which key, what came of it and what comes next.
func TestWhatIsRecordedOfARun(t *testing.T) {
	longest := `"` + strings.Repeat("x", 4094) + `"`
	for details, want := range map[string]string{`{"a":1}`: `{"a":1}`, longest: longest, longest + " ": "", "{": "", "": ""} {
		inBubble(t, func(b *bench) {
			b.stop()
			b.handler.Fire = func(context.Context, schedule.Firing) (schedule.Result, error) {
				time.Sleep(90 * time.Second)
				return schedule.Result{Details: []byte(details)}, nil
			}
			b.boot()
			b.add("a", schedule.Spec{EveryMs: 60_000})
			b.sleep(5*time.Minute + 45*time.Second) // from 1 to 2:30, from 3 to 4:30, since 5
			if _, ran, err := b.runNow(b.Context(), "a", schedule.Force); ran || wit.CodeOf(err) != wit.CodeConflict {
				b.Errorf("forced while it runs: %v, %v", ran, err)
			}
			b.sleep(50 * time.Second) // it is 6:35
			forced, ran, err := b.runNow(b.Context(), "a", schedule.Force)
			if !ran || err != nil || !forced.Forced || forced.NextRunAt != b.minute(9) || forced.Key != fmt.Sprintf("cron:a:%d:forced", forced.Due) {
				b.Errorf("forced: %+v, %v", forced, err)
			}
			list, err := b.s.Runs(b.Context(), "cron", "a", 0)
			if err != nil {
				b.Fatal(err)
			}
			var got []string
			for _, r := range list[slices.IndexFunc(list, func(r schedule.Run) bool { return r.Due == b.minute(3) }):] {
				got = append(got, fmt.Sprint(r.Status, " ", (r.Due-b.minute(0))/60_000, " ", (r.NextRunAt-b.minute(0))/60_000))
				if r.Key != fmt.Sprintf("cron:a:%d", r.Due) || r.Status == schedule.OK && string(r.Details) != want {
					b.Errorf("%+v", r)
				}
			}
			if want := "ok 3 5|skipped 4 5|ok 1 3|skipped 2 3"; strings.Join(got, "|") != want {
				b.Errorf("recorded %s, want %s", strings.Join(got, "|"), want)
			}
		})
	}
}

// minute is so many minutes after the start, in Unix milliseconds.
func (b *bench) minute(n int) int64 {
	return b.start.Add(time.Duration(n) * time.Minute).UnixMilli()
}

// TestAResumableJobThatFails has failed: only an end of the gateway or of the claim leaves it to be taken up.
func TestAResumableJobThatFails(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		b.handler = schedule.Handler{Resumable: true, Fire: func(context.Context, schedule.Firing) (schedule.Result, error) {
			return schedule.Result{}, wit.NewError(wit.CodeForbidden, "no")
		}}
		b.boot()
		b.add("a", schedule.Spec{At: b.in(time.Second)})
		b.sleep(5 * time.Minute)
		b.wantFired("a@1")
		b.wantRuns("a", "error(no)")
	})
}

// TestAJobThatIsHeldElsewhere and was begun there holds up no other one, and is not waited for.
func TestAJobThatIsHeldElsewhere(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		b.handler = schedule.Handler{Resumable: true, Fire: nap(time.Hour)}
		b.boot()
		b.add("long", schedule.Spec{At: b.in(time.Second)})
		b.sleep(2 * time.Second)
		b.kill()
		_, release, err := b.claims.Claim(b.Context(), "job/cron/long")
		if err != nil {
			b.Fatal(err)
		}
		b.handler.Fire = nap(0)
		b.boot()
		b.add("other", schedule.Spec{At: b.in(3 * time.Second)})
		b.sleep(10 * time.Second)
		b.wantFired("long@1", "other@5")
		release()
		b.sleep(2 * time.Minute)
		b.wantRuns("long", "ok(slept)")
	})
}

// TestAskedWhetherItIsDueWhileItRuns: a job that runs and is not due again has missed nothing.
func TestAskedWhetherItIsDueWhileItRuns(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.handle(nap(90 * time.Second))
		b.add("a", schedule.Spec{EveryMs: 100_000})
		b.sleep(110 * time.Second)
		ask := func(what string) {
			b.Helper()
			if _, ran, err := b.runNow(b.Context(), "a", schedule.Due); ran || err != nil {
				b.Errorf("%s: %v, %v", what, ran, err)
			}
			b.wantRuns("a", "")
		}
		ask("due later")
		if _, err := b.s.Update(b.Context(), "cron", "a", func(j *schedule.Job) error { j.Enabled = false; return nil }); err != nil {
			b.Fatal(err)
		}
		ask("not due any more")
		b.sleep(time.Hour)
		b.wantRuns("a", "ok(slept)")
	})
}

// TestHowManyRunAtATime where the handler does not say: four, and those that are forced beside them.
func TestHowManyRunAtATime(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.handle(nap(10 * time.Second))
		for i := range 6 {
			b.add(fmt.Sprint(i), schedule.Spec{At: b.in(time.Second)})
		}
		b.add("x", schedule.Spec{At: b.in(time.Hour)})
		b.sleep(2 * time.Second)
		b.wantFired("0@1", "1@1", "2@1", "3@1")
		if _, _, err := b.s.Start(b.Context(), "cron", "x", schedule.Force); err != nil {
			b.Error(err)
		}
		b.sleep(15 * time.Second)
		b.wantFired("0@1", "1@1", "2@1", "3@1", "x@2", "4@11", "5@11")
	})
}
