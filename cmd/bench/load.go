package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/plugin"
)

// How much goes on at once.
const (
	chatters   = 32
	askers     = 64
	importers  = 4
	importText = 16 << 10 // bytes of a message that is brought in
	answerTime = 2 * time.Minute
)

// job is one of the things that go on under pressure, until ctx ends. What has begun by then is brought to its end. done
// is how often it was done; an error is that something which was taken on was not done.
type job struct {
	name string
	do   func(ctx context.Context, p *process.Process, dir string) (done int, err error)
}

// jobs are all of them.
func jobs() []job {
	return []job{
		{fmt.Sprintf("chat ×%d, each answered", chatters), converseAll},
		{fmt.Sprintf("requests ×%d on one connection", askers), askAll},
		{fmt.Sprintf("import ×%d, messages of %d KB", importers, importText>>10), importAll},
		{"plugins compiled", compileAll},
		{"events to a client that does not read", listenTo},
		{"connects of a client that comes and goes", comeAndGo},
	}
}

// timed bounds what was begun, also where ctx has ended.
func timed(ctx context.Context, do func(context.Context) error) error {
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	return do(bound)
}

// withClients has n clients do something over and over, and counts how often they did.
func withClients(ctx context.Context, p *process.Process, n int, do func(ctx context.Context, c *client.Client, i int) error) (int, error) {
	counts, errs := make([]int, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			c, err := dialAgain(context.WithoutCancel(ctx), p)
			if err != nil {
				errs[i] = err
				return
			}
			defer c.Close()
			counts[i], errs[i] = over(ctx, func(ctx context.Context) error { return do(ctx, c, i) })
		})
	}
	all.Wait()
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum, errors.Join(errs...)
}

// over does something again and again until ctx ends.
func over(ctx context.Context, do func(context.Context) error) (n int, err error) {
	for ctx.Err() == nil {
		if err := timed(ctx, do); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// converseAll has people chat, each in a session of their own. Every message that was acknowledged is to be answered.
func converseAll(ctx context.Context, p *process.Process, _ string) (int, error) {
	return withClients(ctx, p, chatters, func(ctx context.Context, c *client.Client, i int) error {
		run, err := process.Say(ctx, c, fmt.Sprint("p", i), "tell me more")
		if err != nil {
			return err
		}
		var end struct{ Status, Error string }
		err = c.Call(ctx, "agent.wait", map[string]any{"runId": run, "timeoutMs": answerTime.Milliseconds()}, &end)
		if err == nil && end.Status != "ok" {
			err = fmt.Errorf("an acknowledged message was not answered: %s %s", end.Status, end.Error)
		}
		return err
	})
}

// askAll makes requests on one connection, of the kinds that clients make most.
func askAll(ctx context.Context, p *process.Process, _ string) (int, error) {
	c, err := p.Dial(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	counts, errs := make([]int, askers), make([]error, askers)
	var all sync.WaitGroup
	for i := range askers {
		all.Go(func() {
			kinds := []func(context.Context) error{
				func(ctx context.Context) error {
					return c.Call(ctx, "chat.history", map[string]any{"sessionKey": fmt.Sprint("p", i%chatters), "limit": 50}, nil)
				},
				func(ctx context.Context) error { return c.Call(ctx, "sessions.list", map[string]any{}, nil) },
				func(ctx context.Context) error { return c.Call(ctx, "cron.list", map[string]any{}, nil) },
				func(ctx context.Context) error { return c.Call(ctx, "health", nil, nil) },
			}
			n := i
			counts[i], errs[i] = over(ctx, func(ctx context.Context) error {
				n++
				return kinds[n%len(kinds)](ctx)
			})
		})
	}
	all.Wait()
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum, errors.Join(errs...)
}

// importAll brings long messages in, into sessions that grow.
func importAll(ctx context.Context, p *process.Process, _ string) (int, error) {
	const words = "from another place "
	text := strings.Repeat(words, importText/len(words))
	begun := make([]bool, importers)
	return withClients(ctx, p, importers, func(ctx context.Context, c *client.Client, i int) error {
		if !begun[i] {
			begun[i] = true // a message makes the session
			if _, err := process.Say(ctx, c, fmt.Sprint("import", i), "hello"); err != nil {
				return err
			}
		}
		return c.Call(ctx, "chat.inject", map[string]any{"sessionKey": fmt.Sprint("import", i), "message": text}, nil)
	})
}

// compileAll drops one new plugin after the other, each as large as one that Go has built.
func compileAll(ctx context.Context, p *process.Process, dir string) (int, error) {
	c, err := p.Dial(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	n := 0
	return over(ctx, func(bound context.Context) error {
		n++
		id := fmt.Sprint("large-", n)
		if err := putPlugin(dir, id, large(id)); err != nil {
			return err
		}
		for {
			var list plugin.StatusResult
			if err := c.Call(bound, "plugins.status", nil, &list); err != nil {
				return err
			}
			at := slices.IndexFunc(list.Plugins, func(s plugin.Status) bool { return s.ID == id })
			if at >= 0 && list.Plugins[at].State == plugin.StateFailed {
				return fmt.Errorf("plugin %s: %s", id, list.Plugins[at].Reason)
			}
			if ctx.Err() != nil || at >= 0 && list.Plugins[at].State == plugin.StateVerified {
				return os.RemoveAll(filepath.Join(dir, "plugins", id))
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

// deafTime is how long a client that does not read stays.
const deafTime = 15 * time.Second

// listenTo connects and reads nothing any more, and after a while does so again.
func listenTo(ctx context.Context, p *process.Process, _ string) (int, error) {
	return over(ctx, func(bound context.Context) error {
		deaf := &deafConn{from: make(chan struct{}), gone: make(chan struct{})}
		o := p.Options()
		o.Dial = func(ctx context.Context, network, address string) (_ net.Conn, err error) {
			deaf.Conn, err = new(net.Dialer).DialContext(ctx, network, address)
			return deaf, err
		}
		c, err := client.Dial(bound, o)
		if err != nil {
			return err
		}
		close(deaf.from)
		select {
		case <-ctx.Done():
		case <-time.After(deafTime):
		}
		_ = deaf.Close()
		<-c.Done()
		return nil
	})
}

// deafConn is a connection that is read no further from a moment on.
type deafConn struct {
	net.Conn
	from, gone chan struct{}
	once       sync.Once
}

// Read implements net.Conn.
func (c *deafConn) Read(p []byte) (int, error) {
	select {
	case <-c.from:
		<-c.gone
		return 0, net.ErrClosed
	default:
		return c.Conn.Read(p)
	}
}

// Close implements net.Conn.
func (c *deafConn) Close() error {
	c.once.Do(func() { close(c.gone) })
	return c.Conn.Close()
}

// comeAndGo connects and goes again.
func comeAndGo(ctx context.Context, p *process.Process, _ string) (int, error) {
	return over(ctx, func(ctx context.Context) error {
		c, err := p.Dial(ctx)
		if err != nil {
			return err
		}
		return c.Close()
	})
}
