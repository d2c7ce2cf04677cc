package crash

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapi"
)

// Options say what to do.
type Options struct {
	// Gateway is the path of the built binary.
	Gateway string
	// Messages are sent from Chats people while the gateway is killed Kills times.
	Messages, Chats, Kills int
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
	r := &run{Options: o, dice: rand.New(rand.NewPCG(o.Seed, 0)), asked: map[int]question{}, aimed: make(chan struct{}, 1)}
	r.trouble = trouble{dice: rand.New(rand.NewPCG(o.Seed, 1)), aim: r.aimed}
	r.server = botapi.New(botapi.Config{Chaos: r.trouble.fault})
	defer r.server.Close()
	root, err := r.server.Listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if r.gateway, err = newGateway(o.Gateway); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := r.begin(ctx, root); err != nil {
		return nil, fmt.Errorf("%w; the log is %s", err, r.gateway.log.Name())
	}
	defer r.gateway.kill(false)
	r.printf("connected after %.1f s", time.Since(began).Seconds())
	r.trouble.on()
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

// run is one run of the demo. asked is shared with whoever asks meanwhile.
type run struct {
	Options
	dice    *rand.Rand
	server  *botapi.Server
	gateway *gateway
	trouble trouble
	aimed   chan struct{} // one value for each send that the next kill may aim at

	mu    sync.Mutex
	asked map[int]question
}

// question is one message: who asked for three times n.
type question struct {
	chat int64
	at   time.Time
}

// printf tells what happens.
func (r *run) printf(format string, args ...any) { fmt.Fprintf(r.Progress, format+"\n", args...) }

// begin starts the first process, connects the account and waits until it polls.
func (r *run) begin(ctx context.Context, root string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := r.gateway.start(); err != nil {
		return err
	}
	if err := r.gateway.setup(ctx, root, r.server.Token()); err != nil {
		r.gateway.kill(false)
		return err
	}
	if err := r.server.Wait(ctx, r.server.Polling); err != nil {
		r.gateway.kill(false)
		return fmt.Errorf("the gateway does not poll: %w", err)
	}
	r.gateway.ready(0)
	return nil
}

// talk asks one question after the other.
func (r *run) talk(ctx context.Context) {
	dice := rand.New(rand.NewPCG(r.Seed, 2))
	for i := range r.Messages {
		chat := int64(1000 + dice.IntN(r.Chats))
		if i < r.Chats {
			chat = int64(1000 + i) // everybody says something
		}
		r.mu.Lock()
		n := 10_001 + i
		r.asked[n] = question{chat, time.Now()}
		r.mu.Unlock()
		r.server.DM(botapi.User{ID: chat, FirstName: fmt.Sprint("Person ", chat)}, fmt.Sprintf("what is 3*%d?", n))
		if dice.IntN(25) == 0 {
			r.server.Redeliver(1 + dice.IntN(4))
		}
		select {
		case <-time.After(time.Duration(dice.Int64N(2*int64(r.Pace) + 1))):
		case <-ctx.Done():
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
		r.printf("killed %d of %d, %d of %d answered", i+1, r.Kills, len(r.server.Sent()), r.Messages)
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
	case <-r.aimed: // an old one
	default:
	}
	select {
	case <-r.aimed:
		_ = sleep(ctx, time.Duration(r.dice.Int64N(int64(8*time.Millisecond))))
	case <-time.After(10 * time.Second):
	case <-ctx.Done():
	}
}

// awaitGone waits until the server has noticed that the process is gone, so that the next poll is the next
// process's.
func (r *run) awaitGone(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = r.server.Wait(ctx, func() bool { return !r.server.Polling() })
}

// noteReady notes when a new process polls.
func (r *run) noteReady(ctx context.Context, i int) {
	if r.server.Wait(ctx, r.server.Polling) == nil {
		r.gateway.ready(i)
	}
}

// wait returns when all is answered and nothing more comes, or nothing has come for three minutes.
func (r *run) wait(ctx context.Context) {
	r.trouble.off()
	last, since := -1, time.Now()
	for time.Since(since) < 3*time.Minute && ctx.Err() == nil {
		if n := len(r.server.Sent()); n != last {
			last, since = n, time.Now()
		}
		if r.allAnswered() && time.Since(since) > 4*time.Second {
			return
		}
		_ = sleep(ctx, 200*time.Millisecond)
	}
}
