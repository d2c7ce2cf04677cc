// Package crowd is what the crowds share that write to platforms' test servers. How a platform does badly is the server's own.
package crowd

import (
	"math/rand/v2"
	"sync"
)

// Dice decide what goes wrong while there is trouble. A crowd embeds them. They may be used by several goroutines.
type Dice struct {
	// Endless is set, before there is trouble, for trouble that stays.
	Endless bool

	aim chan struct{}

	mu       sync.Mutex
	dice     *rand.Rand
	troubled bool
	sends    int // while there was trouble
}

// NewDice returns the dice of a seed.
func NewDice(seed uint64) *Dice {
	return &Dice{aim: make(chan struct{}, 1), dice: rand.New(rand.NewPCG(seed, 1))}
}

// Trouble implements channeltest.Platform.
func (d *Dice) Trouble(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.troubled = on || d.Endless && d.troubled
}

// Roll returns a number below n, and n itself while all is well: what goes wrong is below a number.
func (d *Dice) Roll(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.troubled {
		return n
	}
	return d.dice.IntN(n)
}

// tenth counts sends while there is trouble, and reports whether this is one in ten.
func (d *Dice) tenth() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.troubled {
		d.sends++
	}
	return d.troubled && d.sends%10 == 0
}

// Aim gets a value, if there is room, for each message that is taken while there is trouble.
func (d *Dice) Aim() <-chan struct{} { return d.aim }

// Taken says that a message is taken, for Aim.
func (d *Dice) Taken() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.troubled {
		return
	}
	select {
	case d.aim <- struct{}{}:
	default:
	}
}
