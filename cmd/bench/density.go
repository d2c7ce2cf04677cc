package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/plugin"
)

// How many plugins there are, of ten how many of a kind, and how long they are left alone before the memory is read.
const (
	fewPlugins       = 10
	manyPlugins      = 200
	manyPluginsShort = 50
	goOfTen          = 1 // each of which takes seconds to compile
	scriptsOfTen     = 5
	settleTime       = 5 * time.Minute // for the gateway to have looked at all
)

// density measures a gateway with many plugins that nobody uses: tools in Go, each with code of its own, in TypeScript, and
// as small as C makes them.
func density(quick bool) func(ctx context.Context, gateway string) ([]table, error) {
	many := manyPlugins
	if quick {
		many = manyPluginsShort
	}
	return func(ctx context.Context, gateway string) ([]table, error) {
		b := densityBench{gateway: gateway}
		var err error
		if b.golang, err = readExample(ctx, "go-tool"); err != nil {
			return nil, err
		}
		if b.script, err = readExample(ctx, "ts-tool"); err != nil {
			return nil, err
		}
		t := table{Title: "Plugins that nobody uses",
			Note: fmt.Sprintf("Tools, of ten %d in Go, each with code of its own, %d in TypeScript and the others as small as a plugin can be, on a cache that is warm. Listening is from exec; "+
				"then each is looked at, whether it can run, which takes the processor time beside. Resident memory %v after that, and after each was called once.", goOfTen, scriptsOfTen, quiet),
			Head: []string{"plugins", "listening", "looked at after", "processor time", "memory", "at most so far", "each called once"}}
		var idle []int64
		for _, n := range []int{fewPlugins, many} {
			d, err := b.measure(ctx, n)
			if err != nil {
				return nil, fmt.Errorf("%d plugins: %w", n, err)
			}
			idle = append(idle, d.idle)
			t.Rows = append(t.Rows, []string{fmt.Sprint(n), ms(d.listening), ms(d.looked), ms(d.processor), mb(d.idle), mb(d.most), mb(d.called)})
		}
		t.Rows = append(t.Rows, []string{"for each more", "", "", "", kb(int(idle[1]-idle[0]) / (many - fewPlugins)), "", ""})
		return []table{t}, nil
	}
}

// densityBench has the plugins that others are copies of.
type densityBench struct {
	gateway        string
	golang, script *example
}

// dense is what was seen of a gateway with many plugins.
type dense struct {
	listening, looked, processor time.Duration
	idle, most, called           int64
}

// measure starts a gateway twice: what the first one compiles, the second one finds.
func (b densityBench) measure(ctx context.Context, n int) (d dense, err error) {
	dir, err := os.MkdirTemp("", "carapace-bench-")
	if err != nil {
		return d, err
	}
	defer os.RemoveAll(dir)
	var names []string
	for i := range n {
		name, err := b.put(dir, i)
		if err != nil {
			return d, err
		}
		names = append(names, name)
	}
	g := growthBench{b.gateway}
	if err := g.with(ctx, dir, func(_ *process.Process, c *client.Client) error { return callEach(ctx, c, names) }); err != nil {
		return d, err
	}
	return d, g.with(ctx, dir, func(p *process.Process, c *client.Client) (err error) {
		begin := time.Now()
		d.listening = p.Listening
		if err = lookedAt(ctx, c, names); err != nil {
			return err
		}
		d.looked = time.Since(begin)
		if d.processor, err = p.Processor(); err != nil {
			return err
		}
		time.Sleep(quiet)
		if d.idle, err = p.Memory(); err != nil {
			return err
		}
		if d.most, err = p.MostMemory(); err != nil {
			return err
		}
		if err = callEach(ctx, c, names); err != nil {
			return err
		}
		time.Sleep(quiet)
		d.called, err = p.Memory()
		return err
	})
}

// put makes the ith plugin, and returns its name.
func (b densityBench) put(dir string, i int) (name string, err error) {
	x := &example{id: fmt.Sprint("idle-", i), entry: "plugin.wasm", code: nothing(fmt.Sprint(i))}
	switch at := i % 10; {
	case at < goOfTen:
		x.entry, x.code = b.golang.entry, b.golang.numbered(i)
	case at < goOfTen+scriptsOfTen:
		x.entry, x.code = b.script.entry, b.script.numbered(i)
	}
	x.manifest = fmt.Appendf(nil, `{"id":%q,"name":"Idle","version":"1.0.0","description":"Is not used.","abi":1,"entry":%q,
"provides":{"tools":[{"name":%q,"description":"Is not used.","parameters":{"type":"object"}}]}}`, x.id, x.entry, toolOf(x.id))
	folder := filepath.Join(dir, "plugins", x.id)
	return x.id, errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, x.entry), x.code, 0o600),
		os.WriteFile(filepath.Join(folder, "plugin.json"), x.manifest, 0o600))
}

func toolOf(id string) string { return strings.ReplaceAll(id, "-", "_") }

// callEach calls the tool of each.
func callEach(ctx context.Context, c *client.Client, ids []string) error {
	for _, id := range ids {
		if err := c.Call(ctx, "plugins.call", map[string]any{"id": id, "tool": toolOf(id), "args": json.RawMessage(`{}`)}, nil); err != nil {
			return fmt.Errorf("plugin %s: %w", id, err)
		}
	}
	return nil
}

// lookedAt waits until the gateway has looked at each.
func lookedAt(ctx context.Context, c *client.Client, ids []string) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for {
		var list plugin.StatusResult
		if err := c.Call(ctx, "plugins.status", nil, &list); err != nil {
			return err
		}
		left := 0
		for _, s := range list.Plugins {
			switch {
			case !slices.Contains(ids, s.ID):
			case s.State == plugin.StateFailed:
				return fmt.Errorf("plugin %s: %s", s.ID, s.Reason)
			case s.State == plugin.StateInstalled:
				left++
			}
		}
		if left == 0 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
}
