package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
)

// How long the parts take, and what is to hold.
const (
	pressed      = time.Minute // with everything at once
	pressedShort = 10 * time.Second
	healthGoal   = 10 * time.Millisecond // p99
	memoryGoal   = 1.2                   // times the memory before
)

// pressure measures a gateway with everything at once: that health is answered in time, that no message is lost, and
// that memory comes back.
func pressure(quick bool) func(ctx context.Context, gateway string) ([]table, error) {
	last := pressed
	if quick {
		last = pressedShort
	}
	return func(ctx context.Context, gateway string) ([]table, error) {
		m, err := serveModel()
		if err != nil {
			return nil, err
		}
		defer m.Close()
		b := pressureBench{gateway: gateway, model: m, last: last}
		return b.everything(ctx)
	}
}

// pressureBench has what the tables share.
type pressureBench struct {
	gateway string
	model   *model
	last    time.Duration
}

// with starts a gateway on a new state directory, with the bench's model, and does something with it.
func (b pressureBench) with(ctx context.Context, do func(p *process.Process, dir string) error) error {
	dir, err := os.MkdirTemp("", "carapace-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := b.model.configure(dir); err != nil {
		return err
	}
	p, err := process.Launch(ctx, process.Config{Gateway: b.gateway, StateDir: dir})
	if err != nil {
		return err
	}
	defer p.Kill()
	c, err := p.Dial(ctx)
	if err != nil {
		return err
	}
	_, err = process.Ask(ctx, c, ownersOwn, "hello") // the first one loads the plugins
	if err := errors.Join(err, c.Close()); err != nil {
		return err
	}
	if err := do(p, dir); err != nil {
		return err
	}
	return p.Stop()
}

// everything measures all jobs at once.
func (b pressureBench) everything(ctx context.Context) (tables []table, err error) {
	return tables, b.with(ctx, func(p *process.Process, dir string) error {
		time.Sleep(quiet)
		before, err := p.Memory()
		if err != nil {
			return err
		}
		alone, err := b.watched(ctx, p, func(ctx context.Context) error { <-ctx.Done(); return nil })
		if err != nil {
			return err
		}
		list := jobs()
		done := make([]int, len(list))
		under, err := b.watched(ctx, p, func(ctx context.Context) error {
			errs := make([]error, len(list))
			var all sync.WaitGroup
			for i, j := range list {
				all.Go(func() {
					if done[i], errs[i] = j.do(ctx, p, dir); errs[i] != nil {
						errs[i] = fmt.Errorf("%s: %w", j.name, errs[i])
					}
				})
			}
			all.Wait()
			return errors.Join(errs...)
		})
		if err != nil {
			return err
		}
		most, err := p.MostMemory()
		if err != nil {
			return err
		}
		time.Sleep(b.last)
		after, err := p.Memory()
		if err != nil {
			return err
		}
		tables = []table{b.did(list, done), b.waits(alone, under), {
			Title: "Memory under pressure", Note: fmt.Sprintf("Resident, before, at its most, and after %v of quiet.", b.last),
			Head: []string{"before", "at most", "after", "to before", fmt.Sprintf("at most %.1f×", memoryGoal)},
			Rows: [][]string{{mb(before), mb(most), mb(after), fmt.Sprintf("%.2f×", float64(after)/float64(before)), holds(float64(after) <= memoryGoal*float64(before))}},
		}}
		return nil
	})
}

func holds(ok bool) string {
	if ok {
		return "holds"
	}
	return "**does not hold**"
}

// did lists how much was done.
func (b pressureBench) did(list []job, done []int) table {
	t := table{Title: "Under pressure", Note: fmt.Sprintf("Everything at once for %v, on the machine that the gateway shares with whoever asks it. A message that was acknowledged and not answered ends the bench.", b.last),
		Head: []string{"what goes on", "done", "a second"}}
	for i, j := range list {
		t.Rows = append(t.Rows, []string{j.name, fmt.Sprint(done[i]), fmt.Sprintf("%.1f", float64(done[i])/b.last.Seconds())})
	}
	return t
}

// state is what was seen of a gateway in one state of it.
type state struct {
	probed
	scheduling histogram     // of its goroutines
	processor  time.Duration // that it used
	waited     time.Duration // of its threads, for a processor
	took       time.Duration
}

// watched has an owner look at the gateway while something is done, whose ctx ends when that is to be over.
func (b pressureBench) watched(ctx context.Context, p *process.Process, do func(context.Context) error) (s state, err error) {
	result, err := startProbe(ctx, p)
	if err != nil {
		return s, err
	}
	before, err := scheduling(ctx, p)
	if err != nil {
		return s, err
	}
	waited, err := p.Waited()
	if err != nil {
		return s, err
	}
	s.processor, s.took, err = used(p, func() error {
		pressing, end := context.WithTimeout(ctx, b.last)
		defer end()
		return do(pressing)
	})
	if err != nil {
		return s, err
	}
	if s.probed, err = result(); err != nil {
		return s, fmt.Errorf("the owner was not answered: %w", err)
	}
	now, err := p.Waited()
	if err != nil {
		return s, err
	}
	s.waited = max(0, now-waited)
	after, err := scheduling(ctx, p)
	s.scheduling = after.since(before)
	return s, err
}

// waits tells how long an owner waited.
func (b pressureBench) waits(alone, under state) table {
	t := table{Title: "What an owner waits under pressure",
		Note: "Asked from a process of its own. The machine is a byte to another process and back, which no gateway has a part in; scheduling is from when a goroutine of the gateway could go on to when it did.",
		Head: []string{"", "quiet p50", "p99", "pressed p50", "p99", "most", "goal"}}
	row := func(name string, of func(state) []time.Duration, goal string) []string {
		a, u := of(alone), of(under)
		return []string{name, ms(quantile(a, 50)), ms(quantile(a, 99)), ms(quantile(u, 50)), ms(quantile(u, 99)), ms(u[len(u)-1]), goal}
	}
	health := func(s state) []time.Duration { return s.Health }
	t.Rows = append(t.Rows,
		row("`health`", health, "p99 ≤ 10 ms: "+holds(quantile(under.Health, 99) <= healthGoal)),
		row("the machine", func(s state) []time.Duration { return s.Machine }, ""),
		row("first words of an answer", func(s state) []time.Duration { return s.Words }, ""),
		[]string{"scheduling", alone.scheduling.quantile(50), alone.scheduling.quantile(99), under.scheduling.quantile(50), under.scheduling.quantile(99), under.scheduling.quantile(100), ""},
		[]string{"processors that it used", share(alone.processor, alone.took), "", share(under.processor, under.took), "", "", ""},
		[]string{"threads that waited for one", share(alone.waited, alone.took), "", share(under.waited, under.took), "", "", ""},
	)
	return t
}

// share is how many of something went on at a time.
func share(sum, of time.Duration) string { return fmt.Sprintf("%.2f", sum.Seconds()/of.Seconds()) }
