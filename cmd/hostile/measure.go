package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
)

// sample is how long requests took in one state of the gateway.
type sample struct{ health, chat latency }

// latency is two quantiles of a kind of request.
type latency struct{ p50, p99 time.Duration }

// newLatency sorts what was measured.
func newLatency(all []time.Duration) latency {
	slices.Sort(all)
	return latency{all[(len(all)-1)*50/100], all[(len(all)-1)*99/100]}
}

// median is, of each figure, the one in the middle.
func median(samples []sample) sample {
	middle := func(figure func(sample) time.Duration) time.Duration {
		all := make([]time.Duration, len(samples))
		for n, s := range samples {
			all[n] = figure(s)
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return sample{
		health: latency{middle(func(s sample) time.Duration { return s.health.p50 }), middle(func(s sample) time.Duration { return s.health.p99 })},
		chat:   latency{middle(func(s sample) time.Duration { return s.chat.p50 }), middle(func(s sample) time.Duration { return s.chat.p99 })},
	}
}

// requestWithin is how long any request may take that is measured.
const requestWithin = time.Minute

// measure asks for the gateway's health a hundred times a second and chats beside it, in a session of its own. Each has
// to be answered.
func measure(ctx context.Context, c *client.Client, last time.Duration) (sample, error) {
	session, until := uuid.NewString(), time.Now().Add(last)
	type chats struct {
		took []time.Duration
		err  error
	}
	chatted := make(chan chats, 1)
	go func() {
		took, err := repeat(ctx, until, 0, func(ctx context.Context) error {
			_, err := process.Ask(ctx, c, session, "what is 17*23?")
			return err
		})
		chatted <- chats{took, err}
	}()
	health, err := repeat(ctx, until, 10*time.Millisecond, func(ctx context.Context) error { return c.Call(ctx, "health", nil, nil) })
	chat := <-chatted
	if err := errors.Join(wrap("health", err), wrap("chat", chat.err)); err != nil {
		return sample{}, err
	}
	return sample{newLatency(health), newLatency(chat.took)}, nil
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s was not answered: %w", what, err)
}

// repeat makes requests one after the other, once at least, with a pause between, and returns how long each took.
func repeat(ctx context.Context, until time.Time, pause time.Duration, request func(context.Context) error) (took []time.Duration, err error) {
	for {
		begin := time.Now()
		ctx, cancel := context.WithTimeout(ctx, requestWithin)
		err := request(ctx)
		cancel()
		if err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin))
		if !time.Now().Before(until) {
			return took, nil
		}
		time.Sleep(pause)
	}
}
