// Command hostile drops hostile plugins into a running gateway, one after the other and then all at once, and opens
// connections that say nothing. It checks that the gateway refuses or bounds each for the reason that is expected, and
// measures meanwhile how long health and a chat take, beside the same on the quiet gateway.
//
// It exits with 0 only when every attack was refused or bounded, every request was answered, and the gateway stopped
// within five seconds of SIGTERM while all went on. Speed is printed and not judged: machines are noisy.
//
//	make hostile
//	go run ./cmd/hostile -gateway bin/carapace -only spinning,memory-hog -rounds 5
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
)

// options are what the demonstration is run with.
type options struct {
	gateway string
	last    time.Duration
	rounds  int
	only    string
	log     string
}

func main() {
	var o options
	flag.StringVar(&o.gateway, "gateway", "bin/carapace", "the built gateway")
	flag.DurationVar(&o.last, "for", 2*time.Second, "how long each state is measured")
	flag.IntVar(&o.rounds, "rounds", 3, "how often")
	flag.StringVar(&o.only, "only", "", "comma-separated attacks; all when empty")
	flag.StringVar(&o.log, "log", "", "a file for the gateway's log")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

// stopWithin is how long the gateway may take to stop under attack.
const stopWithin = 5 * time.Second

// run starts a gateway, attacks it in rounds, and stops it. It returns everything that was not as it should be.
func run(ctx context.Context, o options, out, progress io.Writer) error {
	list, err := chosen(o.only)
	if err != nil {
		return err
	}
	state, err := os.MkdirTemp("", "carapace-hostile-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)
	log := &journal{}
	if o.log != "" {
		defer func() { _ = os.WriteFile(o.log, []byte(log.String()), 0o600) }()
	}
	p, err := process.Launch(ctx, process.Config{Gateway: o.gateway, StateDir: state, Log: log})
	if err != nil {
		return err
	}
	defer p.Kill()
	attacker, err := p.Dial(ctx)
	if err != nil {
		return err
	}
	defer attacker.Close()
	user, err := p.Dial(ctx)
	if err != nil {
		return err
	}
	defer user.Close()
	if _, err := measure(ctx, user, time.Second); err != nil { // the first ones load the plugins
		return err
	}
	g := &gateway{Process: p, state: state, log: log, conn: attacker}
	var rows []*row
	for _, a := range append(list, attack{"all at once", together(list)}) {
		rows = append(rows, &row{attack: a})
	}
	failed := attackInRounds(ctx, g, user, o, rows, progress)
	report(out, rows)
	return errors.Join(append(failed, stopUnderAttack(ctx, g, list, out))...)
}

// chosen are the attacks with these names, all for none.
func chosen(names string) ([]attack, error) {
	all := attacks()
	if names == "" {
		return all, nil
	}
	var list []attack
	for name := range strings.SplitSeq(names, ",") {
		n := slices.IndexFunc(all, func(a attack) bool { return a.name == name })
		if n < 0 {
			return nil, fmt.Errorf("there is no attack %q", name)
		}
		list = append(list, all[n])
	}
	return list, nil
}

// attackInRounds measures each row once a round and returns what went wrong. A row that went wrong is left out from then on.
func attackInRounds(ctx context.Context, g *gateway, user *client.Client, o options, rows []*row, progress io.Writer) (failed []error) {
	wrong := map[*row]bool{}
	for round := range o.rounds {
		for _, r := range rows {
			if wrong[r] || ctx.Err() != nil {
				continue
			}
			fmt.Fprintf(progress, "round %d of %d: %s\n", round+1, o.rounds, r.name)
			if err := r.measure(ctx, g, user, o.last); err != nil {
				wrong[r] = true
				failed = append(failed, fmt.Errorf("%s: %w", r.name, err))
			}
		}
	}
	return append(failed, ctx.Err())
}

// measure measures the quiet gateway and the one under attack, once.
func (r *row) measure(ctx context.Context, g *gateway, user *client.Client, last time.Duration) error {
	quiet, err := measure(ctx, user, last)
	if err != nil {
		return fmt.Errorf("before it: %w", err)
	}
	harming, end := context.WithCancel(ctx)
	defer end()
	type verdict struct {
		said string
		err  error
	}
	judged := make(chan verdict, 1)
	go func() {
		said, err := r.harm(harming, g, r.name)
		judged <- verdict{said, err}
	}()
	attacked, err := measure(ctx, user, last)
	end()
	v := <-judged
	if err := errors.Join(err, v.err); err != nil {
		return err
	}
	r.said, r.quiet, r.attacked = v.said, append(r.quiet, quiet), append(r.attacked, attacked)
	return nil
}

// stopUnderAttack stops the gateway while all harm is done.
func stopUnderAttack(ctx context.Context, g *gateway, list []attack, out io.Writer) error {
	harming, end := context.WithCancel(ctx)
	var doing sync.WaitGroup
	doing.Go(func() { _, _ = together(list)(harming, g, "") }) // the gateway goes away meanwhile
	time.Sleep(2 * time.Second)                                // until all is under way
	begin := time.Now()
	err := g.Stop()
	took := time.Since(begin)
	end()
	_ = g.conn.Close()
	doing.Wait()
	fmt.Fprintf(out, "\nSIGTERM to exit, with all going on: %v\n", took.Round(time.Millisecond))
	if err == nil && took > stopWithin {
		err = fmt.Errorf("the gateway took %v to stop", took)
	}
	return err
}
