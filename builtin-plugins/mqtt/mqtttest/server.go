// Package mqtttest is an MQTT server for tests. It speaks versions 3.1.1 and 5 with all qualities of service: sessions that last
// while their client is away, redelivery with DUP in the order of the first time, kept messages, wills, the options of subscriptions,
// and the reasons of version 5. Packets are read and written by another project's codec (mochi-mqtt), so that they are MQTT's.
//
// Clients connect as to any server; tests also publish without a connection, see what was published, and have things go wrong.
package mqtttest

import (
	"crypto/tls"
	"net"
	"slices"
	"sync"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
	"github.com/mochi-mqtt/server/v2/packets"
)

// Config is what a server is like. The zero value lets everybody in, without encryption.
type Config struct {
	// Users are the passwords of those who may come in; without any everybody may.
	Users map[string]string
	// TLS has the server's certificate.
	TLS *tls.Config
	// Old lets the server know version 3.1.1 alone; Mute has it end other connections without a word.
	Old, Mute bool
	// OnlyQoS1 has it take and give no quality of service 2.
	OnlyQoS1 bool
	// MaxPacket is the longest packet that it takes, in bytes, which it says in version 5; 0 for any.
	MaxPacket uint32
	// Unreadable and Unwritable are the filters and topics that nobody may use.
	Unreadable, Unwritable []string
}

// Message is one that was published.
type Message struct {
	From    string // the client's id; "" for one of the test's
	Topic   string
	Payload []byte
	// Type is its MIME type, in version 5; Packet the id of the packet.
	Type   string
	Packet uint16
	// Dup says that it was published before, Retain that it is to be kept.
	Dup, Retain bool
	// QoS is the quality of service, of a client's.
	QoS byte
}

// Server listens on loopback. All of it may be used by several goroutines.
type Server struct {
	change.Signal

	config   Config
	listener net.Listener

	mu        sync.Mutex
	clients   map[*client]bool
	sessions  map[string]*session
	retained  map[string]Message
	published []Message
	opened    int
	logins    int
	faults    faults
	onTaken   func() // for each message of a client's that was taken
}

// session is what the server knows of a client, also while it is away.
type session struct {
	client  *client // nil while it is away
	filters map[string]packets.Subscription
	queue   []*delivery // in order; the first window ones may have been sent
	last    uint16
	kept    bool            // outlives its connection
	got     map[uint16]bool // ids of what the client has published with quality of service 2, and not released
}

// delivery is a message that the client has not acknowledged.
type delivery struct {
	message Message
	id      uint16 // 0 before it was sent
	kept    bool   // it was kept before the client asked
	qos     byte
	// released says that the client has received it, of quality of service 2.
	released bool
}

// most is the highest quality of service.
func (c *Config) most() byte {
	if c.OnlyQoS1 {
		return 1
	}
	return 2
}

// Listen starts a server.
func Listen(config Config) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if config.TLS != nil {
		l = tls.NewListener(l, config.TLS)
	}
	s := &Server{config: config, listener: l, clients: map[*client]bool{},
		sessions: map[string]*session{}, retained: map[string]Message{}}
	go s.accept()
	return s, nil
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.serve(conn)
	}
}

// Addr is its host and port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is where it is.
func (s *Server) URL() string {
	if s.config.TLS != nil {
		return "tls://" + s.Addr()
	}
	return "tcp://" + s.Addr()
}

// Close ends the server and its connections.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.Break()
}

// update changes the server, and tells who waits.
func (s *Server) update(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	s.Raise()
}

// deliver brings a message to whoever reads its topic (3.3.4).
func (s *Server) deliver(m Message) {
	if m.Retain {
		if s.retained[m.Topic] = m; len(m.Payload) == 0 {
			delete(s.retained, m.Topic)
		}
	}
	m.Retain, m.Dup = false, false
	for id, to := range s.sessions {
		qos, reads := to.reads(m.Topic, id == m.From)
		if qos = min(qos, s.config.most()); m.From != "" {
			qos = min(qos, m.QoS)
		}
		switch {
		case !reads:
		case qos == 0 && to.client != nil:
			s.send(to.client, &delivery{message: m})
		case qos > 0:
			to.queue = append(to.queue, &delivery{message: m, qos: qos})
			s.flow(to, false)
		}
	}
}

// reads reports whether a session reads a topic, and with which quality of service.
func (s *session) reads(topic string, own bool) (qos byte, yes bool) {
	for _, sub := range s.filters {
		if Matches(sub.Filter, topic) && !(own && sub.NoLocal) {
			qos, yes = max(qos, sub.Qos), true
		}
	}
	return qos, yes
}

// window is how many messages are sent ahead of their acknowledgement in version 3.1.1.
const window = 20

// flow sends what there is room for. With again, what was sent before is sent again (4.4).
func (s *Server) flow(to *session, again bool) {
	if to.client == nil {
		return
	}
	for _, d := range to.queue[:min(len(to.queue), to.client.window)] {
		switch {
		case d.id == 0:
			to.last = max(to.last+1, 1)
			d.id = to.last
			s.send(to.client, d)
			for range s.faults.repeats {
				d.message.Dup = true
				s.send(to.client, d)
			}
		case again && d.released:
			to.client.write(&packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pubrel}, PacketID: d.id}, s.faults.late)
		case again:
			d.message.Dup = true
			s.send(to.client, d)
		}
	}
}

// send writes a PUBLISH.
func (s *Server) send(c *client, d *delivery) {
	p := packets.Packet{TopicName: d.message.Topic, Payload: d.message.Payload, PacketID: d.id,
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Dup: d.message.Dup, Retain: d.kept}}
	if d.id > 0 {
		p.FixedHeader.Qos = d.qos
	}
	p.Properties.ContentType = d.message.Type
	if c.most > 0 && len(d.message.Payload)+len(d.message.Topic)+16 > int(c.most) { // it is as if it had been sent (3.1.2.11.4)
		if to := c.session; to != nil {
			to.queue = slices.DeleteFunc(to.queue, func(other *delivery) bool { return other == d })
		}
		return
	}
	c.write(&p, s.faults.late)
}
