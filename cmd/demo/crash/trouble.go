package crash

import (
	"math/rand/v2"
	"sync"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapi"
)

// trouble is what the test server does to the gateway. A send is never cut off after it took effect:
// that is the kills' part.
type trouble struct {
	mu      sync.Mutex
	dice    *rand.Rand
	aim     chan<- struct{} // gets a value, if there is room, for each send that goes well
	running bool
	limited int // 429 answers
	cut     int // connections
}

func (t *trouble) on()  { t.set(true) }
func (t *trouble) off() { t.set(false) }

func (t *trouble) set(running bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = running
}

// fault chooses what goes wrong with a call, and tells whoever aims that a send begins.
func (t *trouble) fault(method string) *botapi.Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.running {
		return nil
	}
	n := t.dice.IntN(100)
	switch {
	case method == "sendmessage" && n < 4:
		t.limited++
		return &botapi.Fault{Code: 429, Description: "Too Many Requests: retry after 1", RetryAfter: 1}
	case method == "sendmessage" && n < 6, method == "getupdates" && n < 3:
		t.cut++
		return &botapi.Fault{Cut: true}
	case method == "getupdates" && n < 6:
		t.cut++
		return &botapi.Fault{CutAfter: true}
	case method == "sendmessage":
		select {
		case t.aim <- struct{}{}:
		default:
		}
	}
	return nil
}
