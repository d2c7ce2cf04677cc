package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
)

// How much is measured.
const (
	inFlight     = 32    // requests at a time
	requestsWarm = 2000  // that are not counted
	requestsEach = 40000 // of a row
	connects     = 2000
	turnSessions = 8 // that chat at a time
	turnsEach    = 40
	turnsAlone   = 100
	historyTurns = 14 // of a question, a call of a tool with its result, and an answer or two
	fewSessions  = 10
)

// cost measures what a request costs in processor time of the gateway's own, since the driver shares the machine: on a
// gateway with ten sessions, one of them with forty messages and more, and a model that streams fifty tokens.
func cost(f profiler) func(ctx context.Context, gateway string) ([]table, error) {
	return func(ctx context.Context, gateway string) ([]table, error) {
		m, err := serveModel()
		if err != nil {
			return nil, err
		}
		defer m.Close()
		return (&costBench{model: m, profiler: f}).run(ctx, gateway)
	}
}

// costBench has what the rows share.
type costBench struct {
	model    *model
	profiler profiler
}

func (b *costBench) run(ctx context.Context, gateway string) ([]table, error) {
	requests := [][]string{}
	for _, r := range []struct {
		name   string
		params any
	}{
		{"chat.history", map[string]any{"sessionKey": "long", "limit": 200}},
		{"sessions.list", map[string]any{}},
		{"cron.list", map[string]any{}},
		{"health", map[string]any{}},
	} {
		row, err := b.row(ctx, gateway, r.name, func(p *process.Process, c *client.Client) ([]string, error) {
			return flood(ctx, p, c, r.name, r.params)
		})
		if err != nil {
			return nil, err
		}
		requests = append(requests, row)
	}
	row, err := b.row(ctx, gateway, "connect", func(p *process.Process, _ *client.Client) ([]string, error) { return dials(ctx, p) })
	if err != nil {
		return nil, err
	}
	turns, err := b.turns(ctx, gateway)
	if err != nil {
		return nil, err
	}
	return []table{
		{Title: "What a request costs", Note: fmt.Sprintf("Processor time of the gateway per request, %d requests at a time on one connection.", inFlight),
			Head: []string{"request", "processor time", "rate"}, Rows: append(requests, row)},
		{Title: "What a chat turn costs", Note: fmt.Sprintf("A model that streams %d tokens, one each %v. The first delta is counted from chat.send, less what passed in the model.", modelTokens, modelPace),
			Head: []string{"turns", "processor time each", "first delta p50", "p95"}, Rows: turns},
	}, nil
}

// row measures on a gateway of its own, and profiles what is measured where that is asked for.
func (b *costBench) row(ctx context.Context, gateway, name string, measure func(*process.Process, *client.Client) ([]string, error)) ([]string, error) {
	dir, err := os.MkdirTemp("", "carapace-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := b.model.configure(dir); err != nil {
		return nil, err
	}
	if err := b.profiler.prepare(name); err != nil {
		return nil, err
	}
	p, err := process.Launch(ctx, process.Config{Gateway: gateway, StateDir: dir})
	if err != nil {
		return nil, err
	}
	defer p.Kill()
	c, err := p.Dial(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := converseFirst(ctx, c); err != nil {
		return nil, err
	}
	profiled, err := b.profiler.start(p, name)
	if err != nil {
		return nil, err
	}
	row, err := measure(p, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := profiled(); err != nil {
		return nil, err
	}
	return append([]string{"`" + name + "`"}, row...), p.Stop()
}

// converseFirst makes ten sessions, of which one is long.
func converseFirst(ctx context.Context, c *client.Client) error {
	for n := range fewSessions - 1 {
		if _, err := process.Ask(ctx, c, fmt.Sprint("s", n), "hello"); err != nil {
			return err
		}
	}
	for n := range historyTurns {
		if _, err := process.Ask(ctx, c, "long", fmt.Sprintf("message %d of a conversation that goes on", n)); err != nil {
			return err
		}
	}
	return nil
}

// flood makes many requests of one kind and returns what one costs and how many a second there were.
func flood(ctx context.Context, p *process.Process, c *client.Client, method string, params any) ([]string, error) {
	ask := func() error {
		var answer json.RawMessage
		return c.Call(ctx, method, params, &answer)
	}
	if _, err := atOnce(inFlight, requestsWarm, ask); err != nil {
		return nil, err
	}
	return repeat(p, requestsEach, ask)
}

// dials connects and closes again.
func dials(ctx context.Context, p *process.Process) ([]string, error) {
	return repeat(p, connects, func() error {
		c, err := p.Dial(ctx)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// repeat does f about n times, some at a time, and returns the gateway's processor time for each and their rate.
func repeat(p *process.Process, n int, f func() error) ([]string, error) {
	spent, took, err := used(p, func() (err error) {
		n, err = atOnce(inFlight, n, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return []string{us(spent / time.Duration(n)), fmt.Sprintf("%.0f/s", float64(n)/took.Seconds())}, nil
}

// used is how much processor time the gateway used while f ran, and how long that took.
func used(p *process.Process, f func() error) (processor, took time.Duration, err error) {
	before, err := p.Processor()
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	if err := f(); err != nil {
		return 0, 0, err
	}
	took = time.Since(begin)
	after, err := p.Processor()
	return after - before, took, err
}

// turns measures chat turns, of one session alone and of several at a time.
func (b *costBench) turns(ctx context.Context, gateway string) ([][]string, error) {
	var rows [][]string
	for _, t := range []struct {
		name            string
		sessions, turns int
	}{{"alone", 1, turnsAlone}, {fmt.Sprint(turnSessions, " sessions at a time"), turnSessions, turnsEach}} {
		row, err := b.row(ctx, gateway, t.name, func(p *process.Process, _ *client.Client) ([]string, error) {
			return b.chat(ctx, p, t.sessions, t.turns)
		})
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// chat has so many turns in each of several sessions at a time, each with a client of its own.
func (b *costBench) chat(ctx context.Context, p *process.Process, sessions, turns int) ([]string, error) {
	firsts, errs := make([][]time.Duration, sessions), make([]error, sessions)
	spent, _, err := used(p, func() error {
		var wg sync.WaitGroup
		for s := range sessions {
			wg.Go(func() { firsts[s], errs[s] = b.converse(ctx, p, fmt.Sprint("s", s), turns) })
		}
		wg.Wait()
		return errors.Join(errs...)
	})
	if err != nil {
		return nil, err
	}
	all := slices.Concat(firsts...)
	slices.Sort(all)
	return []string{ms(spent / time.Duration(sessions*turns)), ms(quantile(all, 50)), ms(quantile(all, 95))}, nil
}

// converse has turns in one session and returns when the first delta of each came, less what passed in the model.
func (b *costBench) converse(ctx context.Context, p *process.Process, session string, turns int) ([]time.Duration, error) {
	c, err := p.Dial(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	firsts := make([]time.Duration, turns)
	for n := range firsts {
		text := "question " + uuid.NewString()
		first, err := process.Ask(ctx, c, session, text)
		if err != nil {
			return nil, err
		}
		firsts[n] = first - b.model.Took(text)
	}
	return firsts, nil
}

// us writes a time for tables.
func us(d time.Duration) string { return fmt.Sprintf("%.1f µs", float64(d)/float64(time.Microsecond)) }
