// Command hostile drops hostile plugins into a running gateway, holds hundreds of connections open, and measures
// meanwhile how long health and a chat take, beside the same on a quiet gateway. It exits with 0 only when the
// gateway answers everything and stops within five seconds of SIGTERM.
//
//	make hostile
//	go run ./cmd/hostile -gateway bin/carapace
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
)

func main() {
	gateway := flag.String("gateway", "bin/carapace", "the built gateway")
	measured := flag.Duration("for", 8*time.Second, "how long each state is measured")
	flag.Parse()
	if err := run(context.Background(), *gateway, *measured); err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

// stopWithin is how long the gateway may take to stop under attack.
const stopWithin = 5 * time.Second

// run measures, attacks, measures again, and stops the gateway.
func run(ctx context.Context, gateway string, measured time.Duration) error {
	state, err := os.MkdirTemp("", "carapace-hostile-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)
	p, err := process.Launch(ctx, gateway, state)
	if err != nil {
		return err
	}
	defer p.Kill()
	c, err := p.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := measure(ctx, c, time.Second); err != nil { // the first ones load the plugins
		return err
	}
	quiet, err := measure(ctx, c, measured)
	if err != nil {
		return err
	}
	hog, err := attack(state, p.URL)
	if err != nil {
		return err
	}
	defer hog.release()
	attacked, err := measure(ctx, c, measured)
	if err != nil {
		return err
	}
	if err := verdicts(ctx, c); err != nil {
		return err
	}
	begin := time.Now()
	err = p.Stop()
	stopped := time.Since(begin)
	report(quiet, attacked, len(hog), stopped)
	if err == nil && stopped > stopWithin {
		err = fmt.Errorf("the gateway took %v to stop", stopped)
	}
	return err
}

// sample are the times of one state of the gateway, sorted.
type sample struct{ health, chat []time.Duration }

// measure asks for the gateway's health a hundred times a second, and chats between.
func measure(ctx context.Context, c *client.Client, last time.Duration) (sample, error) {
	var s sample
	chats := make(chan error, 1)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	until := time.Now().Add(last)
	go func() {
		for time.Now().Before(until) {
			begin := time.Now()
			if err := ask(ctx, c); err != nil {
				chats <- err
				return
			}
			s.chat = append(s.chat, time.Since(begin))
		}
		chats <- nil
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(until) {
		<-tick.C
		begin := time.Now()
		if err := c.Call(ctx, "health", nil, nil); err != nil {
			return s, fmt.Errorf("health: %w", err)
		}
		s.health = append(s.health, time.Since(begin))
	}
	err := <-chats
	slices.Sort(s.health)
	slices.Sort(s.chat)
	return s, err
}

// ask chats: it says something and waits for the end of the answer. Only one asks at a time.
func ask(ctx context.Context, c *client.Client) error {
	key := uuid.NewString()
	if err := c.Call(ctx, "chat.send", chat.SendParams{SessionKey: "main", Message: "what is 17*23?", IdempotencyKey: key}, nil); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-c.Events():
			if !ok {
				return errors.New("the connection ended")
			}
			var told struct{ RunID, State, ErrorMessage string }
			if e.Name != "chat" || json.Unmarshal(e.Payload, &told) != nil || told.RunID != key {
				continue
			}
			switch told.State {
			case "final":
				return nil
			case "error":
				return errors.New(told.ErrorMessage)
			}
		}
	}
}

// verdictWithin is how long the gateway may take to say what is wrong with a plugin, beside what it compiles.
const verdictWithin = 20 * time.Second

// verdicts prints what the gateway says of each plugin that was dropped, once it has said it of all but the one that
// is being compiled.
func verdicts(ctx context.Context, c *client.Client) error {
	dropped := plugins()
	for begin := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		var list plugin.StatusResult
		if err := c.Call(ctx, "plugins.status", nil, &list); err != nil {
			return err
		}
		list.Plugins = slices.DeleteFunc(list.Plugins, func(p plugin.Status) bool { return dropped[p.ID] == nil })
		failed := 0
		for _, p := range list.Plugins {
			if p.State == plugin.StateFailed {
				failed++
			}
		}
		if failed < len(dropped)-1 && time.Since(begin) < verdictWithin {
			continue
		}
		for _, p := range list.Plugins {
			fmt.Printf("%-14s %-10s %.140s\n", p.ID, p.State, p.Reason)
		}
		fmt.Println()
		return nil
	}
}

// hog are connections that say nothing.
type hog []net.Conn

func (h hog) release() {
	for _, c := range h {
		_ = c.Close()
	}
}

// connections is how many the hog opens.
const connections = 500

// attack drops every hostile plugin and opens the connections.
func attack(state, url string) (hog, error) {
	for name, drop := range plugins() {
		dir := filepath.Join(state, "plugins", name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		if err := drop(dir); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	address := strings.TrimPrefix(url, "http://")
	var h hog
	for range connections {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			break // the gateway refuses more
		}
		h = append(h, c)
	}
	return h, nil
}

// report prints what was measured as a Markdown table.
func report(quiet, attacked sample, held int, stopped time.Duration) {
	at := func(d []time.Duration, percent int) time.Duration {
		if len(d) == 0 {
			return 0
		}
		return d[(len(d)-1)*percent/100]
	}
	fmt.Printf("%d hostile plugins were dropped and %d connections held open.\n\n", len(plugins()), held)
	fmt.Println("| | quiet | under attack | ratio |\n|---|---|---|---|")
	row := func(name string, q, a []time.Duration, percent int) {
		x, y := at(q, percent), at(a, percent)
		fmt.Printf("| %s p%d of %d | %.2f ms | %.2f ms | %.1f |\n", name, percent, len(a), float64(x.Microseconds())/1e3, float64(y.Microseconds())/1e3, float64(y)/float64(max(x, 1)))
	}
	for _, percent := range []int{50, 99} {
		row("health", quiet.health, attacked.health, percent)
		row("chat", quiet.chat, attacked.chat, percent)
	}
	fmt.Printf("\nSIGTERM to exit: %v\n", stopped.Round(time.Millisecond))
}
