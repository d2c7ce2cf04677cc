package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
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
	if _, err := process.Ask(ctx, c, "main", "hello"); err != nil { // the first one compiles
		return nil, err
	}
	deltas := make([]time.Duration, chats)
	for i := range deltas {
		if deltas[i], err = process.Ask(ctx, c, "main", "hello"); err != nil {
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
	begin := time.Now()
	n, err := atOnce(parallelWorkers, parallelCalls, func() error { return c.Call(ctx, "health", nil, nil) })
	return float64(n) / time.Since(begin).Seconds(), err
}

// atOnce does f about n times, so many at a time, each as often as the others, and returns how often that is. Whoever
// fails goes on no further.
func atOnce(workers, n int, f func() error) (done int, err error) {
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for w := range errs {
		wg.Go(func() {
			for range n / workers {
				if errs[w] = f(); errs[w] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return n / workers * workers, errors.Join(errs...)
}
