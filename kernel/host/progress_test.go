package host_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/wit"
)

// told are the reports that came, and when after the first.
type told struct {
	mu    sync.Mutex
	texts []string
	at    []time.Time
}

func (r *told) tell(_ context.Context, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts, r.at = append(r.texts, text), append(r.at, time.Now())
}

func (r *told) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.texts)
}

// report says a text as a guest would in a call.
func report(g *host.Guest, p *host.Progress, text string) error {
	in := wit.Marshal(&wit.ProgressReport{Text: text})
	_, err := ask(g, host.Call{Export: "tool_invoke", Progress: p}, "progress_report", string(in))
	return err
}

// TestProgressIsOfACall: it is refused in calls that have none, and in one that is over.
func TestProgressIsOfACall(t *testing.T) {
	g := newWorld().guest("p", wit.Permissions{})
	for _, call := range []host.Call{{}, {Export: "channel_event", Account: "home"}, {Export: "hook_handle"}, {Export: "schedule_fire"}} {
		_, err := ask(g, call, "progress_report", `{"text":"half of it"}`)
		if wit.CodeOf(err) != wit.CodeForbidden || !strings.Contains(err.Error(), "only a tool") {
			t.Errorf("%+v: %v", call, err)
		}
	}
	var heard told
	ended := host.NewProgress(t.Context(), heard.tell)
	ended.End()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for what, p := range map[string]*host.Progress{"over": ended, "cancelled": host.NewProgress(gone, heard.tell)} {
		if err := report(g, p, "late"); wit.CodeOf(err) != wit.CodeForbidden || !strings.Contains(err.Error(), "is over") {
			t.Errorf("%s: %v", what, err)
		}
		p.End()
	}
	p := host.NewProgress(t.Context(), nil)
	defer p.End()
	if err := report(g, p, "nobody listens"); err != nil {
		t.Error(err)
	}
	if err := report(g, p, ""); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("nothing said: %v", err)
	}
	if got := heard.all(); len(got) > 0 {
		t.Errorf("told %q", got)
	}
}

// TestAFloodOfProgressIsJoined: a guest that says something all the time is told at the contract's rate, of what it said
// last.
func TestAFloodOfProgressIsJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard told
		g, p := newWorld().guest("p", wit.Permissions{}), host.NewProgress(t.Context(), heard.tell)
		const seconds, each = 3, 1000
		began := time.Now()
		for n := range seconds * each {
			if err := report(g, p, fmt.Sprint(n)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second / each)
		}
		time.Sleep(time.Minute)
		got := heard.all()
		if len(got) < seconds*wit.LimitProgressPerSecond || len(got) > seconds*wit.LimitProgressPerSecond+1 {
			t.Errorf("%d were told", len(got))
		}
		if got[0] != "0" || heard.at[0].Sub(began) > 0 || got[len(got)-1] != fmt.Sprint(seconds*each-1) {
			t.Errorf("told %q, the first after %s", got, heard.at[0].Sub(began))
		}
		for i := range len(got) - 1 {
			if pause := heard.at[i+1].Sub(heard.at[i]); pause < time.Second/wit.LimitProgressPerSecond {
				t.Errorf("%s between %s and %s", pause, got[i], got[i+1])
			}
		}
		p.End()
	})
}

// TestProgressEndsWithItsCall: what waits when the call ends, or is cancelled, is not told, and who tells is gone before
// End returns.
func TestProgressEndsWithItsCall(t *testing.T) {
	for name, end := range map[string]func(*host.Progress, context.CancelFunc){
		"ended":     func(p *host.Progress, _ context.CancelFunc) { p.End() },
		"cancelled": func(_ *host.Progress, cancel context.CancelFunc) { cancel() },
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var heard told
			g, leaving := newWorld().guest("p", wit.Permissions{}), time.Duration(0)
			began := time.Now()
			p := host.NewProgress(ctx, func(ctx context.Context, text string) {
				heard.tell(ctx, text)
				<-ctx.Done() // who listens is slow
				time.Sleep(time.Second)
				leaving = time.Since(began)
			})
			for _, text := range []string{"one", "two"} {
				if err := report(g, p, text); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			end(p, cancel)
			p.End()
			if leaving != time.Second {
				t.Errorf("%s: End returned while something was told", name)
			}
			time.Sleep(time.Minute)
			if got := heard.all(); !slices.Equal(got, []string{"one"}) {
				t.Errorf("%s: told %q", name, got)
			}
		})
	}
}

// TestProgressIsBounded: a text is cut, and not before its secrets are out.
func TestProgressIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard told
		g, p := newWorld().guest("p", wit.Permissions{}), host.NewProgress(t.Context(), heard.tell)
		const most = wit.ProgressReportTextCut
		for _, text := range []string{strings.Repeat("x", most), strings.Repeat("é", most), strings.Repeat("x", most-5) + "hunter2 and more", strings.Repeat("x", 1<<20)} {
			if err := report(g, p, text); err != nil {
				t.Errorf("%d bytes: %v", len(text), err)
			}
			time.Sleep(time.Second)
		}
		p.End()
		want := []string{strings.Repeat("x", most), strings.Repeat("é", most/2) + "…", strings.Repeat("x", most-5) + "[reda…", strings.Repeat("x", most) + "…"}
		if got := heard.all(); !slices.Equal(got, want) {
			t.Errorf("told %.20q", got)
		}
	})
}
