package crash

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/cmd/platforms"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// Options say what to do.
type Options struct {
	// Gateway is the path of the built binary.
	Gateway string
	// Channel is the one that people write to; one of platforms.Channels.
	Channel string
	// Messages are sent by People while the gateway is killed Kills times.
	Messages, People, Kills int
	// Seed of everything that is random.
	Seed uint64
	// Pace is the mean time between two messages.
	Pace time.Duration
	// Window is how long before a kill a send may have been made that is made again after it.
	Window time.Duration
	// Progress hears what happens; nil is silence.
	Progress io.Writer
}

// Run runs the demo until every message is answered or, for a minute, no further one is. The error says
// that the demo could not be run; what the gateway did wrong is in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	r := &run{Options: o, dice: rand.New(rand.NewPCG(o.Seed, 0))}
	var err error
	if r.platform, r.aim, err = platforms.Begin(o.Channel, o.Seed); err != nil {
		return nil, err
	}
	defer r.platform.Close()
	port := -1
	if called, ok := r.platform.(channeltest.Reachable); ok {
		if port, err = freePort(rand.New(rand.NewPCG(o.Seed, 3))); err != nil {
			return nil, err
		}
		called.Reach(fmt.Sprintf("http://127.0.0.1:%d", port))
	}
	if r.gateway, err = newGateway(o.Gateway, port, r.platform.Account().PublicURL); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := r.begin(ctx); err != nil {
		return nil, fmt.Errorf("%w; the log is %s", err, r.gateway.log.Name())
	}
	defer r.gateway.kill(false)
	r.printf("connected after %.1f s", time.Since(began).Seconds())
	r.platform.Trouble(true)
	var talk sync.WaitGroup
	talk.Go(func() { r.talk(ctx) })
	err = r.killAll(ctx)
	talk.Wait()
	if err != nil {
		return nil, err
	}
	r.wait(ctx)
	report := r.judge(time.Since(began))
	report.Log = r.gateway.log.Name()
	if report.OK() {
		report.Log = ""
		defer os.RemoveAll(r.gateway.dir)
	}
	return report, ctx.Err()
}

// run is one run of the demo.
type run struct {
	Options
	dice     *rand.Rand
	platform channeltest.Platform
	aim      <-chan struct{} // one value for each send that the next kill may aim at
	gateway  *gateway
	oracle   channeltest.Oracle
}

// Ports that no system gives to whoever asks for any: below those that Linux and others choose from for connections that go out. One of
// those could be taken while the gateway that had it is dead.
const (
	firstPort = 20_000
	ports     = 10_000
	tries     = 100
)

// freePort is a port that nobody listens at, for a gateway that a platform has to find again.
func freePort(dice *rand.Rand) (port int, err error) {
	for range tries {
		port = firstPort + dice.IntN(ports)
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, err
}

// printf tells what happens.
func (r *run) printf(format string, args ...any) { fmt.Fprintf(r.Progress, format+"\n", args...) }

// begin starts the first process, connects the account and waits until it receives.
func (r *run) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := r.gateway.start(); err != nil {
		return err
	}
	if err := r.gateway.setup(ctx, r.platform.Account()); err != nil {
		r.gateway.kill(false)
		return err
	}
	if err := r.platform.Wait(ctx, r.platform.Connected); err != nil {
		r.gateway.kill(false)
		return fmt.Errorf("the account does not connect: %w", err)
	}
	r.gateway.ready(0)
	return nil
}

// talk asks one question after the other.
func (r *run) talk(ctx context.Context) {
	dice := rand.New(rand.NewPCG(r.Seed, 2))
	for i := range r.Messages {
		person := dice.IntN(r.People)
		if i < r.People {
			person = i // everybody says something
		}
		r.platform.Say(person, r.oracle.Ask(person))
		if sleep(ctx, time.Duration(dice.Int64N(2*int64(r.Pace)+1))) != nil {
			return
		}
	}
}

// killAll kills the process at random moments, spread over the time in which people talk, and starts it
// again. Every third kill waits for a send, to hit the moment that is hardest to get right.
func (r *run) killAll(ctx context.Context) error {
	span := time.Duration(r.Messages) * r.Pace
	for i := range r.Kills {
		pause := span / time.Duration(r.Kills) / 4
		pause += time.Duration(r.dice.Int64N(int64(span)/int64(r.Kills) + 1))
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		aim := i%3 == 2
		if aim {
			r.takeAim(ctx)
		}
		r.gateway.kill(aim)
		r.awaitGone(ctx)
		if err := r.gateway.start(); err != nil {
			return err
		}
		go r.noteReady(ctx, len(r.gateway.history())-1)
		r.printf("killed %d of %d, %d of %d answered", i+1, r.Kills, len(r.platform.Heard()), r.Messages)
	}
	return nil
}

// sleep returns early, with the error, when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takeAim waits for a send to begin, and then for as long as one may take.
func (r *run) takeAim(ctx context.Context) {
	select {
	case <-r.aim: // an old one
	default:
	}
	select {
	case <-r.aim:
		_ = sleep(ctx, time.Duration(r.dice.Int64N(int64(8*time.Millisecond))))
	case <-time.After(10 * time.Second):
	case <-ctx.Done():
	}
}

// awaitGone waits until the server has noticed that the process is gone, so that what connects next is the next process.
func (r *run) awaitGone(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = r.platform.Wait(ctx, func() bool { return !r.platform.Connected() })
}

// noteReady notes when a new process receives.
func (r *run) noteReady(ctx context.Context, i int) {
	if r.platform.Wait(ctx, r.platform.Connected) == nil {
		r.gateway.ready(i)
	}
}

// wait returns when all is answered and nothing more comes, or nothing has come for three minutes.
func (r *run) wait(ctx context.Context) {
	r.platform.Trouble(false)
	last, since := -1, time.Now()
	for time.Since(since) < 3*time.Minute && ctx.Err() == nil {
		if n := len(r.platform.Heard()); n != last {
			last, since = n, time.Now()
		}
		if r.evidence().verdict().Lost == 0 && time.Since(since) > 4*time.Second {
			return
		}
		_ = sleep(ctx, 200*time.Millisecond)
	}
}
