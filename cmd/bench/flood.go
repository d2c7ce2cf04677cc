package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/wit"
)

// How much one asker asks for.
const (
	floodTime     = 10 * time.Second
	floodRequests = 2000 // at a time
	floodQueue    = 900
	floodSessions = 300
	floodEach     = 3
	floodSaid     = 500
)

// pouring is one asker who asks for much, until ctx ends.
type pouring struct {
	name string
	do   func(ctx context.Context, p *process.Process) error
}

func floods() []pouring {
	return []pouring{
		{fmt.Sprintf("one client, %d requests at a time", floodRequests), readMuch},
		{fmt.Sprintf("one session, %d messages waiting", floodQueue), func(ctx context.Context, p *process.Process) error {
			return sayMuch(ctx, p, 1, floodQueue)
		}},
		{fmt.Sprintf("one client, %d sessions with %d messages waiting each", floodSessions, floodEach), func(ctx context.Context, p *process.Process) error {
			return sayMuch(ctx, p, floodSessions, floodEach)
		}},
		{fmt.Sprintf("one sender of a channel, %d messages", floodSaid), writeMuch},
	}
}

// flooded measures an owner beside one asker who asks for much, and without it just before.
func flooded(ctx context.Context, gateway string) ([]table, error) {
	m, err := serveModel()
	if err != nil {
		return nil, err
	}
	defer m.Close()
	b := pressureBench{gateway: gateway, model: m, last: floodTime}
	t := table{Title: "An owner beside a flood", Note: fmt.Sprintf("Each for %v, on a gateway of its own, and without the flood just before.", b.last),
		Head: []string{"flood", "first words alone p50", "flooded p50", "most", "`health` alone p99", "flooded p50", "p99"}}
	for _, f := range floods() {
		if err := b.with(ctx, func(p *process.Process, _ string) error {
			alone, err := b.watched(ctx, p, func(ctx context.Context) error { <-ctx.Done(); return nil })
			if err != nil {
				return err
			}
			under, err := b.watched(ctx, p, func(ctx context.Context) error { return f.do(ctx, p) })
			if err != nil {
				return err
			}
			t.Rows = append(t.Rows, []string{f.name, ms(quantile(alone.Words, 50)), ms(quantile(under.Words, 50)), ms(under.Words[len(under.Words)-1]),
				ms(quantile(alone.Health, 99)), ms(quantile(under.Health, 50)), ms(quantile(under.Health, 99))})
			return nil
		}); err != nil {
			return []table{t}, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return []table{t}, nil
}

// readMuch reads a history, many times at once and each time in a way that no answer is kept for.
func readMuch(ctx context.Context, p *process.Process) error {
	c, err := p.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := process.Ask(ctx, c, "flood", "hello"); err != nil {
		return err
	}
	for range 100 {
		if err := c.Call(ctx, "chat.inject", map[string]any{"sessionKey": "flood", "message": strings.Repeat("x", 200)}, nil); err != nil {
			return err
		}
	}
	errs := make([]error, floodRequests)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			for n := 0; ctx.Err() == nil && errs[i] == nil; n++ {
				errs[i] = c.Call(ctx, "chat.history", map[string]any{"sessionKey": "flood", "limit": 100, "messageId": fmt.Sprint(i, "/", n)}, nil)
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil // what was under way then is waited for by nobody
	}
	return errors.Join(errs...)
}

// sayMuch says something over and over in each of many sessions, and waits for none of the answers. It takes a full
// queue for an answer.
func sayMuch(ctx context.Context, p *process.Process, sessions, each int) error {
	c, err := p.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	for range each {
		for s := range sessions {
			if ctx.Err() != nil {
				return nil
			}
			if err := timed(ctx, func(ctx context.Context) error { return say(ctx, c, fmt.Sprint("flood", s)) }); err != nil {
				return err
			}
		}
	}
	<-ctx.Done()
	return nil
}

func say(ctx context.Context, c *client.Client, session string) error {
	_, err := process.Say(ctx, c, session, "and then?")
	if wit.CodeOf(err) == wit.CodeRateLimited {
		return nil
	}
	return err
}

// writeMuch has one person write to a Telegram account.
func writeMuch(ctx context.Context, p *process.Process) error {
	server := botapitest.New(botapitest.Config{})
	defer server.Close()
	if err := connectTelegram(context.WithoutCancel(ctx), p, server); err != nil {
		return err
	}
	for n := range floodSaid {
		server.DM(botapitest.User{ID: 1000, FirstName: "Person"}, fmt.Sprint("question ", n))
	}
	<-ctx.Done()
	return nil
}
