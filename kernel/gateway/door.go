package gateway

import (
	"net/http"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/coder/websocket"
	"github.com/google/uuid"
)

// door is where WebSockets come in: it refuses what costs nothing to refuse, upgrades the rest and starts their
// handshakes.
type door struct {
	shared     *shared
	auth       Authority
	origins    []string
	hosts      []string
	greeter    *greeter
	broadcast  *broadcaster
	handshakes *handshakes
}

// upgrade turns a request into a connection, or returns an HTTP error that says why not. The HTTP server's goroutine and
// buffers are free again when it returns.
func (d *door) upgrade(w http.ResponseWriter, r *http.Request) {
	h := &handshake{door: d, shared: d.shared, id: uuid.NewString(), nonce: uuid.NewString(), ip: auth.RemoteIP(r), local: auth.Local(r), origin: r.Header.Get("Origin")}
	if !originAllowed(r, d.origins, d.hosts) {
		d.shared.log.Warn("connection refused: origin not allowed", "origin", h.origin, "host", r.Host, "ip", h.ip)
		problem(w, http.StatusForbidden, "origin not allowed", "forbidden")
		return
	}
	if d.shared.stopping.Load() || !d.shared.admission.enter(h.ip) {
		d.shared.log.Debug("connection refused: too many connections", "ip", h.ip)
		w.Header().Set("Retry-After", "5")
		problem(w, http.StatusServiceUnavailable, "connection limit reached", "unavailable")
		return
	}
	h.link = &link{shared: d.shared}
	ws, err := websocket.Accept(&hijacked{w, h.link}, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // the origin was checked above
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		d.shared.admission.exit(h.ip)
		return
	}
	// From here on the handshake owns the socket and gives the place back.
	h.ws = ws
	d.handshakes.add(h)
	go h.run()
}
