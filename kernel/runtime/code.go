package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Source is where a module's bytes come from.
type Source struct {
	Name string // for messages
	Hash string // lower-case hex SHA-256 of the bytes, checked; "" shares and caches nothing
	// Open returns the bytes, which are not changed. It is called when they are needed and not in the cache,
	// possibly again after the code was given back.
	Open func() ([]byte, error)
}

// read opens the source and compares its bytes with its hash.
func (s Source) read() ([]byte, error) {
	wasm, err := s.Open()
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "%s: cannot be read: %w", s.Name, err)
	}
	if s.Hash != "" {
		if sum := sha256.Sum256(wasm); hex.EncodeToString(sum[:]) != s.Hash {
			return nil, wit.Errorf(wit.CodeInvalid, "%s: its bytes are not those that were verified; install it again", s.Name)
		}
	}
	return wasm, nil
}

// code is a module's machine code as something that comes and goes: made when the first user needs it, shared by
// all users, given back when it had none for a while, made again then. It knows its users by their number only.
// It is safe for concurrent use.
type code struct {
	source   Source
	compiler *compiler
	jobs     *jobs
	idle     time.Duration // without users, after which it is given back
	clock    clock

	mu     sync.Mutex
	made   *compiled    // nil while there is none
	flight *compilation // the one under way
	users  int
	timer  *time.Timer
	idleAt int64 // since when it has no users
}

// compilation is one attempt that all who need the code wait for. err is set before done is closed.
type compilation struct {
	done chan struct{}
	err  error
}

// acquire returns the machine code, compiled if need be, and keeps it from being given back until release. The
// compilation goes on when ctx ends.
func (c *code) acquire(ctx context.Context) (*compiled, error) {
	for {
		c.mu.Lock()
		if c.made != nil {
			c.users++
			made := c.made
			c.mu.Unlock()
			return made, nil
		}
		f, err := c.join()
		c.mu.Unlock()
		if err != nil {
			return nil, err
		}
		select {
		case <-f.done:
			if f.err != nil {
				return nil, f.err
			}
		case <-ctx.Done():
			return nil, wit.Errorf(wit.CodeUnavailable, "%s is still being compiled: %w", c.source.Name, context.Cause(ctx))
		}
	}
}

// join returns the compilation under way, a new one if there is none. The caller holds mu.
func (c *code) join() (*compilation, error) {
	if c.flight == nil {
		f := &compilation{done: make(chan struct{})}
		if !c.jobs.start(func(ctx context.Context) { c.compile(ctx, f) }) {
			return nil, errClosed
		}
		c.flight = f
	}
	return c.flight, nil
}

func (c *code) compile(ctx context.Context, f *compilation) {
	made, err := c.compiler.load(ctx, c.source)
	c.mu.Lock()
	c.flight = nil
	if err == nil {
		c.made = made
		c.rest()
	}
	c.mu.Unlock()
	f.err = err
	close(f.done)
}

// release ends one use.
func (c *code) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users--; c.users == 0 {
		c.rest()
	}
}

// rest arms the timer that gives the machine code back. The caller holds mu.
func (c *code) rest() {
	if c.users > 0 || c.made == nil {
		return
	}
	c.idleAt = c.clock.now()
	if c.timer == nil {
		c.timer = time.AfterFunc(c.idle, c.expire)
	} else {
		c.timer.Reset(c.idle)
	}
}

func (c *code) expire() {
	c.mu.Lock()
	idle := c.users == 0 && time.Duration(c.clock.now()-c.idleAt) >= c.idle
	c.mu.Unlock()
	if idle {
		c.unload()
	}
}

// unload gives the machine code back unless somebody uses it.
func (c *code) unload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.users > 0 || c.made == nil {
		return
	}
	_ = c.made.Close(context.Background())
	c.made = nil
}

func (c *code) loaded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made != nil
}
