package cooldown_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/agent/cooldown"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// TestPausesGrow with each failure in a row, are as long as the provider asks for, and end with an answer.
func TestPausesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := cooldown.New(nil, hclog.NewNullLogger())
		s := cooldown.Subject{Provider: "p", Key: cooldown.AnyKey, Model: "m"}
		down := wit.NewError(wit.CodeUnavailable, "it is\ndown")
		for _, want := range []time.Duration{15 * time.Second, 30 * time.Second, time.Minute} {
			p := b.Failed(t.Context(), s, down)
			if p.Left() != want || p.Wanted() != 0 || p.Why != "it is down" {
				t.Errorf("%+v is left alone for %s, want %s", p, p.Left(), want)
			}
			time.Sleep(want)
			if _, resting := b.Of("p", "", "m", time.Time{}); resting {
				t.Errorf("it rests longer than %s", want)
			}
		}
		asks := wit.AsError(wit.ErrorAfter(wit.CodeRateLimited, 2*time.Hour, "too many"))
		if p := b.Failed(t.Context(), s, asks); p.Left() != 2*time.Hour || p.Wanted() != 2*time.Hour {
			t.Errorf("the provider asked for 2h: %+v", p)
		}
		if list := b.List(); len(list) != 1 || list[0].Failures != 4 {
			t.Errorf("%+v", list)
		}
		b.Worked(t.Context(), "p", "k", "m")
		if p := b.Failed(t.Context(), s, down); p.Left() != 15*time.Second {
			t.Errorf("after an answer it rests %s", p.Left())
		}
		time.Sleep(25 * time.Hour)
		if p := b.Failed(t.Context(), s, down); p.Left() != 15*time.Second {
			t.Errorf("after a day it rests %s", p.Left())
		}
	})
}

// TestWhatRests: a key, a key for a model, a model; and not a key that was set anew.
func TestWhatRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := cooldown.New(nil, hclog.NewNullLogger())
		refused := wit.NewError(wit.CodeUnauthorized, "no")
		b.Failed(t.Context(), cooldown.Subject{Provider: "p", Key: "work"}, refused)
		b.Failed(t.Context(), cooldown.Subject{Provider: "p", Model: "m"}, refused)
		for _, c := range []struct {
			key, model string
			rests      bool
		}{{"work", "m", true}, {"work", "n", true}, {"", "m", true}, {"", "n", false}, {"home", "m", false}} {
			if _, rests := b.Of("p", c.key, c.model, time.Time{}); rests != c.rests {
				t.Errorf("key %q, model %s: %t", c.key, c.model, rests)
			}
		}
		time.Sleep(time.Second)
		if _, rests := b.Of("p", "work", "n", time.Now()); rests {
			t.Error("another key rests")
		}
		b.Forget(t.Context(), "p")
		if list := b.List(); len(list) != 0 {
			t.Errorf("%+v", list)
		}
	})
}

// TestPausesAreKept across a restart, whatever their number, and what is forgotten is forgotten there too.
func TestPausesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := store.OpenMemory()
		defer db.Close()
		b := cooldown.New(db, hclog.NewNullLogger())
		for i := range 1100 {
			b.Failed(t.Context(), cooldown.Subject{Provider: "p", Key: cooldown.AnyKey, Model: string(rune('a'+i/1000)) + string(rune('0'+i/100%10)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10))}, wit.AsError(wit.ErrorAfter(wit.CodeRateLimited, time.Hour, "x")))
			time.Sleep(time.Millisecond)
		}
		b.Failed(t.Context(), cooldown.Subject{Provider: "q", Key: "k"}, wit.NewError(wit.CodeForbidden, "no credit"))
		again := cooldown.New(db, hclog.NewNullLogger())
		if n := len(again.List()); n != 1000 {
			t.Errorf("%d pauses", n)
		}
		if p, rests := again.Of("q", "k", "m", time.Time{}); !rests || p.Code != wit.CodeForbidden || p.Left() != 10*time.Minute {
			t.Errorf("%+v", p)
		}
		again.Worked(t.Context(), "q", "k", "m")
		if _, rests := cooldown.New(db, hclog.NewNullLogger()).Of("q", "k", "m", time.Time{}); rests {
			t.Error("what has worked rests after the next start")
		}
	})
}
