package gateway

import (
	"net/http"

	"github.com/coder/websocket"
	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"
)

// door is where WebSockets come in: it refuses what costs nothing to refuse, upgrades the rest and starts their
// handshakes.
type door struct {
	hub       *hub
	requests  *dispatcher
	transport *transport
	limits    *Limits
	metrics   *metrics
	log       hclog.Logger
	auth      Authority
	origins   []string
	hosts     []string
	greeter   *greeter
	broadcast *broadcaster
}

// upgrade turns a request into a connection, or returns an HTTP error that says why not. The HTTP server's goroutine and
// buffers are free again when it returns.
func (d *door) upgrade(w http.ResponseWriter, r *http.Request) {
	h := &handshake{door: d, id: uuid.NewString(), nonce: uuid.NewString(), peer: d.auth.Peer(r), origin: r.Header.Get("Origin")}
	if !originAllowed(r, d.origins, d.hosts) {
		d.log.Warn("connection refused: origin not allowed", "origin", h.origin, "host", r.Host, "ip", h.peer.RemoteIP)
		problem(w, http.StatusForbidden, "origin not allowed", "forbidden")
		return
	}
	if !d.hub.admission.enter(h.peer.RemoteIP) {
		d.log.Debug("connection refused: too many connections, or the gateway is stopping", "ip", h.peer.RemoteIP)
		retryAfter(w, backAgain)
		problem(w, http.StatusServiceUnavailable, "connection limit reached", "unavailable")
		return
	}
	h.link = &link{transport: d.transport}
	ws, err := websocket.Accept(&hijacked{w, h.link}, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // the origin was checked above
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		d.hub.admission.exit(h.peer.RemoteIP)
		return
	}
	// From here on the handshake owns the socket and gives the place back.
	h.ws = ws
	d.hub.handshakes.add(h)
	go h.run()
}
