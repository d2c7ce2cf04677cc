// Package claimtest has claims that a test can take away, as a lease in a shared store is lost.
package claimtest

import (
	"context"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/claim"
)

// Claims are Local's until one is lost or nobody can be asked. The zero value is ready.
type Claims struct {
	local claim.Local

	mu   sync.Mutex
	lose map[string]func() // by the keys that are held
	down error
}

// Claim implements claim.Claims.
func (c *Claims) Claim(ctx context.Context, key string) (held context.Context, release func(), err error) {
	return c.grant(ctx, key, c.local.Claim)
}

// Try implements claim.Claims.
func (c *Claims) Try(ctx context.Context, key string) (held context.Context, release func(), err error) {
	return c.grant(ctx, key, c.local.Try)
}

// Lose takes a key that is held away from its holder. Whoever waits for it longest gets it at once.
func (c *Claims) Lose(key string) {
	c.mu.Lock()
	lose := c.lose[key]
	c.mu.Unlock()
	lose()
}

// Fail makes each request fail with err from now on; nil makes them work again.
func (c *Claims) Fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = err
}

// Held reports whether somebody holds a key.
func (c *Claims) Held(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lose[key] != nil
}

// asker is claim.Claims' methods.
type asker func(ctx context.Context, key string) (held context.Context, release func(), err error)

func (c *Claims) grant(ctx context.Context, key string, ask asker) (context.Context, func(), error) {
	c.mu.Lock()
	down := c.down
	c.mu.Unlock()
	if down != nil {
		return nil, nil, down
	}
	held, free, err := ask(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	held, cancel := context.WithCancelCause(held)
	var once sync.Once
	end := func(cause error) {
		once.Do(func() {
			cancel(cause)
			c.note(key, nil)
			free()
		})
	}
	c.note(key, func() { end(claim.ErrLost) })
	return held, func() { end(nil) }, nil
}

// note remembers how a key is lost; nil forgets it.
func (c *Claims) note(key string, lose func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lose == nil {
		c.lose = map[string]func(){}
	}
	if lose == nil {
		delete(c.lose, key)
	} else {
		c.lose[key] = lose
	}
}
