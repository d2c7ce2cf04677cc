package crowd

import "time"

// Outbox is what of web.Outbox goes wrong.
type Outbox interface {
	Repeat(n int)
	Delay(by time.Duration)
}

// late is by how much a message is late: the platform goes on with what people write meanwhile.
const late = time.Second

// Call chooses what goes wrong with the call that tells of the next message: it is made twice, or late, which is behind what the same
// person writes next.
func Call(d *Dice, o Outbox) {
	switch n := d.Roll(100); {
	case n < 10:
		o.Repeat(1)
	case n < 20:
		o.Delay(late)
	}
}
