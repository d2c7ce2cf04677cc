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
	"github.com/carapace-gateway/carapace/kernel/service/chat"
)

// How much is measured.
const (
	sequentialCalls = 5000
	parallelCalls   = 50000
	parallelWorkers = 64
	chats           = 100
)

// requests measures calls over the WebSocket, and the way from chat.send to the first delta.
func requests(ctx context.Context, gateway string) ([]table, error) {
	dir, err := os.MkdirTemp("", "carapace-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	p, err := process.Launch(ctx, process.Config{Gateway: gateway, StateDir: dir})
	if err != nil {
		return nil, err
	}
	defer p.Kill()
	c, err := p.Dial(ctx)
	if err != nil {
		return nil, err
	}
	health, err := latencies(sequentialCalls, func() error { return c.Call(ctx, "health", nil, nil) })
	if err != nil {
		return nil, err
	}
	rate, err := throughput(ctx, c)
	if err != nil {
		return nil, err
	}
	if _, err := ask(ctx, c, "main", "hello"); err != nil { // the first one compiles
		return nil, err
	}
	deltas := make([]time.Duration, chats)
	for i := range deltas {
		if deltas[i], err = ask(ctx, c, "main", "hello"); err != nil {
			return nil, err
		}
	}
	slices.Sort(deltas)
	c.Close()
	rows := [][]string{
		{"`health`, one after the other", fmt.Sprintf("%.0f/s", float64(time.Second)/float64(mean(health))), ms(quantile(health, 50)), ms(quantile(health, 99))},
		{fmt.Sprintf("`health`, %d at a time on one connection", parallelWorkers), fmt.Sprintf("%.0f/s", rate), "", ""},
		{"`chat.send` to the first delta, offline provider", "", ms(quantile(deltas, 50)), ms(quantile(deltas, 99))},
	}
	return []table{{Title: "WebSocket requests", Head: []string{"request", "rate", "p50", "p99"}, Rows: rows}}, p.Stop()
}

// latencies makes n calls one after the other and returns how long each took, sorted.
func latencies(n int, call func() error) ([]time.Duration, error) {
	all := make([]time.Duration, n)
	for i := range all {
		begin := time.Now()
		if err := call(); err != nil {
			return nil, err
		}
		all[i] = time.Since(begin)
	}
	slices.Sort(all)
	return all, nil
}

// quantile is the time within which so many percent of the calls were answered.
func quantile(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)-1)*percent/100]
}

func mean(all []time.Duration) time.Duration {
	var sum time.Duration
	for _, d := range all {
		sum += d
	}
	return sum / time.Duration(len(all))
}

// throughput is how many calls a second one connection answers when many are under way.
func throughput(ctx context.Context, c *client.Client) (float64, error) {
	var wg sync.WaitGroup
	errs := make([]error, parallelWorkers)
	begin := time.Now()
	for w := range parallelWorkers {
		wg.Go(func() {
			for range parallelCalls / parallelWorkers {
				if errs[w] = c.Call(ctx, "health", nil, nil); errs[w] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	return float64(parallelCalls) / took.Seconds(), errors.Join(errs...)
}

// ask sends one chat message to a session and returns when the first delta, or the end, of its answer is here; the
// rest of the answer is read too.
func ask(ctx context.Context, c *client.Client, session, text string) (time.Duration, error) {
	key := uuid.NewString()
	begin := time.Now()
	if err := c.Call(ctx, "chat.send", chat.SendParams{SessionKey: session, Message: text, IdempotencyKey: key}, nil); err != nil {
		return 0, err
	}
	var first time.Duration
	for {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case e, ok := <-c.Events():
			if !ok {
				return 0, errors.New("the connection ended")
			}
			var chat struct{ RunID, State, ErrorMessage string }
			if e.Name != "chat" || json.Unmarshal(e.Payload, &chat) != nil || chat.RunID != key {
				continue
			}
			if first == 0 {
				first = time.Since(begin)
			}
			switch chat.State {
			case "final":
				return first, nil
			case "error":
				return 0, errors.New(chat.ErrorMessage)
			}
		}
	}
}
