package channel

import (
	"errors"
	"sync"
	"testing"
)

// code is a build of a plugin that does nothing.
type code struct {
	Plugin
	build string
}

func (c code) Build() string   { return c.build }
func (c code) Version() string { return c.build }

// registry has one channel.
type registry struct {
	mu        sync.Mutex
	now, old  string
	rollbacks int
	err       error
}

func (r *registry) Channels() []string { return []string{"chat"} }
func (r *registry) Channel(string) (Plugin, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return code{build: r.now}, r.now != ""
}

func (r *registry) Rollback(string, string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rollbacks++
	if r.err == nil {
		r.now = r.old
	}
	return r.err
}

func TestNewCodeThatFailsItsFirstEventIsPutBack(t *testing.T) {
	r := &registry{now: "2", old: "1"}
	b, cause := newBuilds(r), errors.New("trap")
	if again, _ := b.fallback("chat", made{build: "2"}, cause); again || r.rollbacks != 0 {
		t.Error("there is nothing to fall back to")
	}
	b.handled("chat", "1")
	var wg sync.WaitGroup
	for range 20 { // as many accounts fail together
		wg.Go(func() {
			if again, err := b.fallback("chat", made{build: "2"}, cause); !again || err != nil {
				t.Errorf("again %v, %v", again, err)
			}
		})
	}
	wg.Wait()
	if r.rollbacks != 1 || r.now != "1" {
		t.Errorf("%d rollbacks to %s", r.rollbacks, r.now)
	}
	if again, _ := b.fallback("chat", made{build: "1"}, cause); again {
		t.Error("the good build's failure is its own")
	}
}

func TestWhatCannotBePutBackIsBlamedItself(t *testing.T) {
	r := &registry{now: "2", err: errors.New("nothing before")}
	b := newBuilds(r)
	b.handled("chat", "1")
	for range 3 {
		if again, err := b.fallback("chat", made{build: "2"}, errors.New("trap")); again || (err == nil) != (r.rollbacks > 1) {
			break
		}
	}
	if r.rollbacks != 1 {
		t.Errorf("%d attempts to put old code back", r.rollbacks)
	}
	r.now = ""
	b.handled("chat", "1")
	if again, err := b.fallback("chat", made{build: "2"}, errors.New("trap")); again || err != nil {
		t.Errorf("a plugin that has gone: %v %v", again, err)
	}
}
