package gateway

import (
	"sync"

	"github.com/coder/websocket"
)

// handshakes is the connections that are being opened, so that stopping can close those too.
type handshakes struct {
	mu   sync.Mutex
	open map[*handshake]bool
}

// newHandshakes returns an empty one.
func newHandshakes() *handshakes { return &handshakes{open: map[*handshake]bool{}} }

// add and remove bracket the time in which close may close the connection.
func (s *handshakes) add(h *handshake) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[h] = true
}

// remove is for a handshake that has ended, either way.
func (s *handshakes) remove(h *handshake) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, h)
}

// close ends the handshakes that are under way, and returns when their clients know or have had their time.
func (s *handshakes) close(code websocket.StatusCode, reason string) {
	s.mu.Lock()
	var closing sync.WaitGroup
	for h := range s.open {
		closing.Go(func() { closeSocket(h.ws, h.link, code, reason) })
	}
	s.mu.Unlock()
	closing.Wait()
}
