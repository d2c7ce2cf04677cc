package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/pdk-examples/go-websocket/toyhub"
)

// How a channel is upgraded.
const (
	upgrades      = 50
	upgradesShort = 5
	reloadRooms   = 100
	reloadPace    = time.Millisecond // between two messages of one direction
	reloadAhead   = 200              // messages of people that may wait
	calm          = 5 * time.Second  // before the first upgrade, to compare
	upgradePause  = 500 * time.Millisecond
	around        = 50 * time.Millisecond // of the swap, before it and behind it
	liveTime      = time.Minute
)

// reload upgrades a channel again and again while messages go through its connection in both directions. It fails where one is
// lost, comes twice or out of order, or where the connection is opened anew.
func reload(quick bool) func(ctx context.Context, gateway string) ([]table, error) {
	return func(ctx context.Context, gateway string) ([]table, error) {
		b := reloadBench{gateway: gateway, upgrades: upgrades}
		if quick {
			b.upgrades = upgradesShort
		}
		t := table{Title: "Upgrades under traffic",
			Note: fmt.Sprintf("A channel on a WebSocket is replaced %d times, each time by new code, while people say %v messages a second in %d rooms and as many are sent there, each of which the server confirms. "+
				"Nothing was lost, came twice or out of order, and the connection was opened once: else this fails. A pause is the longest time in which nothing went through one of the directions: around the moment in which the new code took over, from the save to that moment, and in as long without an upgrade. "+
				"The server, who sends, and what compiles the new code share the machine, so that calm, before the first upgrade, more goes through. Processor time is the gateway's own for each message, of all that it did then.", b.upgrades, int(time.Second/reloadPace), reloadRooms),
			Head: []string{"channel", "in", "out", "calm in", "out", "processor time", "upgrades", "save to live p50", "pause p50", "p99", "max", "while it is made p50", "max", "without p50", "max"}}
		for _, id := range []string{"go-websocket", "ts-websocket"} {
			row, err := b.channel(ctx, id)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", id, err)
			}
			t.Rows = append(t.Rows, row)
		}
		return []table{t}, nil
	}
}

// reloadBench has what the channels share.
type reloadBench struct {
	gateway  string
	upgrades int
}

// upgraded is when an upgrade was saved, and when it was live.
type upgraded struct{ saved, live time.Time }

// channel measures one, and returns its row.
func (b reloadBench) channel(ctx context.Context, id string) ([]string, error) {
	hub := toyhub.New()
	url, stop, err := listen(hub)
	if err != nil {
		return nil, err
	}
	defer stop()
	dir, err := os.MkdirTemp("", "carapace-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	versions, err := readExample(ctx, id)
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`{"channels":{%q:{"accounts":{"home":{"groupPolicy":"open","config":{"url":"ws%s"}}}}}}`, id, url[len("http"):])
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "carapace.json"), []byte(config), 0o600), versions.put(dir, 0)); err != nil {
		return nil, err
	}
	p, err := process.Launch(ctx, process.Config{Gateway: b.gateway, StateDir: dir})
	if err != nil {
		return nil, err
	}
	defer p.Kill()
	c, err := p.Dial(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.Call(ctx, "plugins.configure", map[string]any{"id": id, "account": "home", "secrets": map[string]string{"token": toyhub.Token}}, nil); err != nil {
		return nil, err
	}
	connected, cancel := context.WithTimeout(ctx, liveTime)
	defer cancel()
	if !hub.Wait(connected, func(c toyhub.Counts) bool { return c.Opened > 0 }) {
		return nil, errors.New("the channel has not connected")
	}
	row, err := b.measure(ctx, p, hub, c, dir, versions)
	if err != nil {
		return nil, err
	}
	return row, p.Stop()
}

// measure has the traffic and the upgrades at once.
func (b reloadBench) measure(ctx context.Context, p *process.Process, hub *toyhub.Server, c *client.Client, dir string, versions *example) ([]string, error) {
	traffic := &toyhub.Traffic{Hub: hub, Rooms: reloadRooms, Pace: reloadPace, Ahead: reloadAhead, Send: func(ctx context.Context, room, text, key string) error {
		return c.Call(ctx, "send", map[string]any{"channel": versions.id, "to": "group:" + room, "message": text, "idempotencyKey": key}, nil)
	}}
	r := busy{id: versions.id, begin: time.Now()}
	err := func() error {
		going, end := context.WithCancel(ctx)
		defer end()
		var all sync.WaitGroup
		var lost, failed error
		all.Go(func() { r.passed, lost = traffic.Run(going, answerLimit) })
		r.processor, r.calm, failed = used(p, func() error { time.Sleep(calm); return nil })
		for n := 1; n <= b.upgrades && failed == nil; n++ {
			u := upgraded{saved: time.Now()}
			if failed = versions.put(dir, n); failed == nil {
				u.live, failed = live(ctx, c, versions.id, version(n))
			}
			r.list = append(r.list, u)
			time.Sleep(upgradePause)
		}
		end()
		all.Wait()
		return errors.Join(failed, lost)
	}()
	if err != nil {
		return nil, err
	}
	r.took = time.Since(r.begin)
	return r.row(), nil
}

// busy is what was seen of a channel.
type busy struct {
	id        string
	passed    toyhub.Report
	list      []upgraded
	begin     time.Time
	took      time.Duration
	calm      time.Duration // before the first upgrade
	processor time.Duration // of the gateway, then
}

// row is the channel's.
func (r *busy) row() []string {
	var lives, swaps, builds, calms []time.Duration
	for _, u := range r.list {
		lives = append(lives, u.live.Sub(u.saved))
		swaps = append(swaps, pause(r.passed, u.live.Add(-around), u.live.Add(around)))
		builds = append(builds, pause(r.passed, u.saved, u.live))
	}
	for at := r.begin.Add(time.Second); at.Before(r.begin.Add(calm - 2*around)); at = at.Add(2 * around) {
		calms = append(calms, pause(r.passed, at, at.Add(2*around)))
	}
	for _, l := range [][]time.Duration{lives, swaps, builds, calms} {
		slices.Sort(l)
	}
	rate := func(n int, in time.Duration) string { return fmt.Sprintf("%.0f/s", float64(n)/in.Seconds()) }
	whole := func(l []toyhub.Passed) string { return fmt.Sprintf("%d, %s", len(l), rate(len(l), r.took)) }
	in, out := r.before(r.passed.In), r.before(r.passed.Out)
	each := r.processor / time.Duration(max(in+out, 1))
	return []string{r.id, whole(r.passed.In), whole(r.passed.Out), rate(in, r.calm), rate(out, r.calm), us(each), fmt.Sprint(len(r.list)), ms(quantile(lives, 50)),
		ms(quantile(swaps, 50)), ms(quantile(swaps, 99)), ms(swaps[len(swaps)-1]),
		ms(quantile(builds, 50)), ms(builds[len(builds)-1]), ms(quantile(calms, 50)), ms(calms[len(calms)-1])}
}

// before counts what has arrived before the first upgrade.
func (r *busy) before(l []toyhub.Passed) (n int) {
	for _, m := range l {
		if m.At.Before(r.begin.Add(r.calm)) {
			n++
		}
	}
	return n
}

// pause is the longest time within two moments in which nothing arrived, of the direction where that is longer.
func pause(r toyhub.Report, from, to time.Time) (longest time.Duration) {
	for _, list := range [][]toyhub.Passed{r.In, r.Out} {
		last := from
		for _, m := range list {
			if m.At.After(from) && m.At.Before(to) {
				longest, last = max(longest, m.At.Sub(last)), m.At
			}
		}
		longest = max(longest, to.Sub(last))
	}
	return longest
}

// live waits until a version of a plugin is ready, and returns when that was.
func live(ctx context.Context, c *client.Client, id, version string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, liveTime)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("version %s is not live: %w", version, ctx.Err())
		case e, ok := <-c.Events():
			var changed plugin.Changed
			switch {
			case !ok:
				return time.Time{}, errors.New("the connection ended")
			case e.Name != "plugins.changed" || json.Unmarshal(e.Payload, &changed) != nil || changed.ID != id:
			case changed.State == plugin.StateFailed:
				return time.Time{}, errors.New(changed.Reason)
			case changed.State == plugin.StateReady && changed.Version == version:
				return time.Now(), nil
			}
		}
	}
}

// listen serves something on a port of this machine.
func listen(h http.Handler) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(l) }()
	return "http://" + l.Addr().String(), func() { _ = server.Close() }, nil
}
