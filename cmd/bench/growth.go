package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
)

// How often something is measured at each size; the median counts.
const (
	pages      = 40
	chatTurns  = 20
	ticks      = 20
	broadcasts = 10
	starts     = 3
	patience   = time.Minute // with an event on its way to all
	pageRows   = 10
	// fullContext is how many messages of the long session are more than a model is given.
	fullContext = 1000
)

// steps are the sizes at which something is measured, and those of a short run.
type steps struct{ full, short []int }

// allSteps are those of the families.
func allSteps() (records, connections, plugins, megabytes steps) {
	records = steps{[]int{10, 100, 1000, 10_000, 100_000}, []int{10, 1000, 10_000}}
	connections = steps{[]int{10, 100, 1000, 10_000}, []int{10, 100, 1000}}
	plugins = steps{[]int{10, 50, 100, 200}, []int{10, 50, 100}}
	megabytes = steps{[]int{1, 10, 100, 1000}, []int{1, 10, 100}}
	return records, connections, plugins, megabytes
}

// growth measures how cost grows: each at several sizes of what is stored, connected or loaded. The stores are filled
// by the packages that own what is in them, without a gateway.
func growth(out string, quick bool) func(context.Context, string) ([]table, error) {
	return func(ctx context.Context, gateway string) ([]table, error) {
		g := growthBench{gateway}
		records, connections, plugins, megabytes := allSteps()
		var families []*family
		for _, m := range []struct {
			family  *family
			at      steps
			measure func(context.Context, *family, string, int) error
		}{
			{&family{of: "sessions in the store"}, records, g.sessions},
			{&family{of: "messages in one session", note: fmt.Sprintf("A turn is fitted from %s messages on: until then there is more and more that the model is given.", grouped(fullContext))}, records, g.messages},
			{&family{of: "jobs of the scheduler", note: "Up to 1,000 are of clients, which is the most; the others are of plugins. A tick is a job that is due: from adding it to its recorded end."}, records, g.jobs},
			{&family{of: "messages that wait to be sent", note: fmt.Sprintf("To %d a conversation, of a channel that is not there. Processor time of the gateway for one request.", outboundEach)}, records, g.outbound},
			{&family{of: "runs that wait", note: "One in each session, behind a model that answers nobody. Processor time of the gateway for one request."}, records, g.waiting},
			{&family{of: "connections", note: "What a few connections add to the memory is less than what it changes by itself."}, connections, g.connections},
			{&family{of: "loaded plugins", note: "Small tools, each called once before the memory is read."}, plugins, g.plugins},
			{&family{of: "megabytes in the store"}, megabytes, g.stored},
		} {
			if m.family.sizes = m.at.full; quick {
				m.family.sizes = m.at.short
			}
			if err := g.each(m.family, func(dir string, n int) error { return m.measure(ctx, m.family, dir, n) }); err != nil {
				tables, failed := draw(out, families)
				return tables, errors.Join(err, failed)
			}
			families = append(families, m.family)
		}
		return draw(out, families)
	}
}

// draw makes the tables, and writes the plot beside the figures.
func draw(out string, families []*family) ([]table, error) {
	var tables []table
	for _, f := range families {
		tables = append(tables, f.table())
	}
	file, err := os.Create(strings.TrimSuffix(out, filepath.Ext(out)) + ".svg")
	if err != nil {
		return nil, err
	}
	return tables, errors.Join(plot(file, families), file.Close())
}

// growthBench has what the families share.
type growthBench struct{ gateway string }

// each measures at each size, on one state directory that grows.
func (g growthBench) each(f *family, measure func(dir string, n int) error) error {
	dir, err := os.MkdirTemp("", "carapace-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, n := range f.sizes {
		if err := measure(dir, n); err != nil {
			return fmt.Errorf("%d %s: %w", n, f.of, err)
		}
	}
	return nil
}

// with runs a gateway on a state directory.
func (g growthBench) with(ctx context.Context, dir string, do func(*process.Process, *client.Client) error) error {
	p, err := process.Launch(ctx, process.Config{Gateway: g.gateway, StateDir: dir})
	if err != nil {
		return err
	}
	defer p.Kill()
	c, err := p.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := do(p, c); err != nil {
		return err
	}
	c.Close()
	return p.Stop()
}

// start is how long the gateway takes to listen on a state directory.
func (g growthBench) start(ctx context.Context, dir string) (time.Duration, error) {
	return median(starts, func() (took time.Duration, err error) {
		return took, g.with(ctx, dir, func(p *process.Process, _ *client.Client) error {
			took = p.Listening
			return nil
		})
	})
}

// median measures n times and returns what is in the middle.
func median(n int, measure func() (time.Duration, error)) (time.Duration, error) {
	all := make([]time.Duration, n)
	for i := range all {
		var err error
		if all[i], err = measure(); err != nil {
			return 0, err
		}
	}
	slices.Sort(all)
	return all[n/2], nil
}

// asked is the median time of a call. with gives it parameters that were not there before, so that no answer is one
// that was kept.
func asked(ctx context.Context, c *client.Client, method string, with func(n int) map[string]any) (time.Duration, error) {
	n := 0
	return median(pages, func() (time.Duration, error) {
		n++
		begin := time.Now()
		err := c.Call(ctx, method, with(n), nil)
		return time.Since(begin), err
	})
}

func (g growthBench) sessions(ctx context.Context, f *family, dir string, n int) error {
	if err := fillSessions(ctx, dir, n); err != nil {
		return err
	}
	listening, err := g.start(ctx, dir)
	if err != nil {
		return err
	}
	return g.with(ctx, dir, func(_ *process.Process, c *client.Client) error {
		page, err := asked(ctx, c, "sessions.list", func(n int) map[string]any {
			return map[string]any{"limit": pageRows, "creatorId": fmt.Sprint(n)}
		})
		if err != nil {
			return err
		}
		acks, statuses := make([]time.Duration, chatTurns), make([]time.Duration, chatTurns)
		for i := range acks {
			if acks[i], statuses[i], err = chatAndStatus(ctx, c, fmt.Sprint("s", i*n/chatTurns)); err != nil {
				return err
			}
		}
		f.took(fmt.Sprintf("`sessions.list`, a page of %d", pageRows), flat, page)
		f.took("`chat.send` to its acknowledgement", flat, middle(acks))
		f.took("the first `status` after a chat", flat, middle(statuses))
		f.took("start to listening", flat, listening)
		return nil
	})
}

func middle(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// chatAndStatus has a turn in a session, and returns how long chat.send and the status after the turn took.
func chatAndStatus(ctx context.Context, c *client.Client, session string) (ack, status time.Duration, err error) {
	begin := time.Now()
	run, err := process.Say(ctx, c, session, "hello")
	if err != nil {
		return 0, 0, err
	}
	ack = time.Since(begin)
	if _, err := process.Answered(ctx, c, run, begin); err != nil {
		return 0, 0, err
	}
	begin = time.Now()
	err = c.Call(ctx, "status", nil, nil)
	return ack, time.Since(begin), err
}

func (g growthBench) messages(ctx context.Context, f *family, dir string, n int) error {
	if err := fillMessages(ctx, dir, n, ""); err != nil {
		return err
	}
	return g.with(ctx, dir, func(_ *process.Process, c *client.Client) error {
		page, err := asked(ctx, c, "chat.history", func(n int) map[string]any {
			return map[string]any{"sessionKey": longSession, "limit": pageRows, "messageId": fmt.Sprint(n)}
		})
		if err != nil {
			return err
		}
		turn, err := median(chatTurns, func() (time.Duration, error) { return process.Ask(ctx, c, longSession, "hello") })
		f.took(fmt.Sprintf("`chat.history`, the newest %d", pageRows), flat, page)
		f.took("a turn, to its first words", flat, turn)
		f.from(fullContext)
		return err
	})
}

func (g growthBench) jobs(ctx context.Context, f *family, dir string, n int) error {
	if err := fillJobs(ctx, dir, n); err != nil {
		return err
	}
	tick, err := measureTick(ctx, dir)
	if err != nil {
		return err
	}
	return g.with(ctx, dir, func(_ *process.Process, c *client.Client) error {
		time.Sleep(quiet) // a start reads all jobs once, beside what else goes on
		page, err := asked(ctx, c, "cron.list", func(n int) map[string]any {
			return map[string]any{"limit": pageRows, "query": strings.Repeat(" ", n)}
		})
		f.took(fmt.Sprintf("`cron.list`, a page of %d", pageRows), flat, page)
		f.took("a tick", flat, tick)
		return err
	})
}

func (g growthBench) connections(ctx context.Context, f *family, dir string, n int) error {
	if err := allow(dir, n); err != nil {
		return err
	}
	return g.with(ctx, dir, func(p *process.Process, c *client.Client) error {
		time.Sleep(quiet) // a gateway that has just started grows without anybody
		before, err := p.Memory()
		if err != nil {
			return err
		}
		conns, err := open(ctx, p, n)
		if err != nil {
			return err
		}
		defer func() {
			for _, c := range conns {
				c.Close()
			}
		}()
		time.Sleep(quiet)
		after, err := p.Memory()
		if err != nil {
			return err
		}
		told, health, err := broadcast(ctx, c, conns)
		f.took("one event to all", linear, told)
		f.took("`health` beside it", flat, health)
		f.add("memory with them", linear, inMB, float64(after))
		f.add("memory of each", flat, inKB, float64(max(1, (after-before)/int64(n))))
		return err
	})
}

func inKB(bytes float64) string { return fmt.Sprintf("%.1f KB", bytes/1024) }

// farJob is a job of a client that is due in a hundred years. The news of it is dropped for no connection that is slow.
func farJob() map[string]any {
	return map[string]any{
		"name": "far", "schedule": map[string]any{"kind": "every", "everyMs": int64(100*365*24*time.Hour) / int64(time.Millisecond)},
		"sessionTarget": "main", "wakeMode": "now", "payload": map[string]any{"kind": "systemEvent", "text": "tick"},
	}
}

// broadcast is how long an event takes to reach all connections, and health while it is on its way.
func broadcast(ctx context.Context, c *client.Client, conns []*client.Client) (told, health time.Duration, err error) {
	heard := make(chan struct{}, len(conns))
	for _, conn := range conns {
		go func() {
			for e := range conn.Events() {
				if e.Name == "cron" {
					heard <- struct{}{}
				}
			}
		}()
	}
	var beside []time.Duration
	told, err = median(broadcasts, func() (time.Duration, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		begin := time.Now()
		if err := c.Call(ctx, "cron.add", farJob(), nil); err != nil {
			return 0, err
		}
		asked := time.Now()
		if err := c.Call(ctx, "health", nil, nil); err != nil {
			return 0, err
		}
		beside = append(beside, time.Since(asked))
		for range conns {
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-heard:
			}
		}
		return time.Since(begin), nil
	})
	if err != nil {
		return 0, 0, err
	}
	return told, middle(beside), nil
}

func (g growthBench) plugins(ctx context.Context, f *family, dir string, n int) error {
	if err := fillPlugins(dir, n); err != nil {
		return err
	}
	listening, err := g.start(ctx, dir)
	if err != nil {
		return err
	}
	return g.with(ctx, dir, func(p *process.Process, c *client.Client) error {
		for i := range n {
			if err := c.Call(ctx, "plugins.call", map[string]any{"id": pluginID(i), "tool": toolName(i), "args": map[string]any{}}, nil); err != nil {
				return err
			}
		}
		memory, err := p.Memory()
		f.took("start to listening", linear, listening)
		f.add("memory", linear, inMB, float64(memory))
		return err
	})
}

func (g growthBench) stored(ctx context.Context, f *family, dir string, n int) error {
	if err := fillMessages(ctx, dir, n<<20/bigMessage, strings.Repeat("x", bigMessage)); err != nil {
		return err
	}
	listening, err := g.start(ctx, dir)
	f.took("start to listening", flat, listening)
	return err
}
