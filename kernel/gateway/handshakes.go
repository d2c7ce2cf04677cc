package gateway

import "sync"

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

// close ends the handshakes that are under way, without a word: their clients have been promised nothing.
func (s *handshakes) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h := range s.open {
		_ = h.link.Close()
	}
}
