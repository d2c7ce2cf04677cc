package crowd

import (
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

// Send chooses what goes wrong with a send, nil for nothing: it is answered that the account is too fast, or that the platform is out of
// order; it is cut off; or it is late. Where the platform knows a send that comes again, it is cut off after it took effect too, one in
// every ten at least: a plugin that does not say that it is the same again is found out by each storm.
func Send[C comparable](d *Dice, tooFast, outOfOrder fault.HTTP[C], known bool) *fault.HTTP[C] {
	if d.tenth() && known {
		return &fault.HTTP[C]{CutAfter: true}
	}
	switch n := d.Roll(100); {
	case n < 3:
		return &tooFast
	case n < 5:
		return &outOfOrder
	case n < 7:
		return &fault.HTTP[C]{Cut: true}
	case n < 9 && known:
		return &fault.HTTP[C]{CutAfter: true}
	case n < 11:
		return &fault.HTTP[C]{Delay: time.Duration(n) * time.Millisecond}
	}
	d.Taken()
	return nil
}
