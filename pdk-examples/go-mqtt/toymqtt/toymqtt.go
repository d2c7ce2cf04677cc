// Package toymqtt is an MQTT 3.1.1 server for tests, with as much of it as go-mqtt needs: one client, whose session lasts,
// one subscription, and messages of QoS 1, which come again after a reconnect while they are not acknowledged.
package toymqtt

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"strings"
	"sync"
)

// Server is one on a port of this machine. It may be used concurrently.
type Server struct {
	listener net.Listener

	mu      sync.Mutex
	changed chan struct{}
	in      net.Conn // the client's; nil while it has not subscribed
	conns   []net.Conn
	next    uint16
	open    map[uint16][]byte // messages to the client that are not acknowledged
	acks    int
	said    []string // by the client, as "topic text"
	hold    bool
	held    [][]byte // PUBACKs that are kept back
}

// Listen starts a server.
func Listen() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{listener: l, changed: make(chan struct{}), open: map[uint16][]byte{}}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s, nil
}

// URL is where it is.
func (s *Server) URL() string { return "tcp://" + s.listener.Addr().String() }

// Close ends the server and its connections.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.Break()
}

// Break ends the connections.
func (s *Server) Break() {
	s.update(func() {
		for _, conn := range s.conns {
			_ = conn.Close()
		}
		s.conns, s.in, s.held = nil, nil, nil
	})
}

// Hold keeps back what acknowledges the client's messages, until it is called with false.
func (s *Server) Hold(hold bool) {
	s.update(func() {
		s.hold = hold
		for _, ack := range s.held {
			s.write(ack)
		}
		s.held = nil
	})
}

// Say publishes {"id":…,"text":…} to <root>/in/<person>. It comes to the client now or when it is back.
func (s *Server) Say(topic, id, text string) {
	payload, _ := json.Marshal(map[string]string{"id": id, "text": text}) // texts can be
	s.update(func() {
		s.next++
		body := binary.BigEndian.AppendUint16(nil, uint16(len(topic)))
		body = append(body, topic...)
		body = binary.BigEndian.AppendUint16(body, s.next)
		s.open[s.next] = append(body, payload...)
		s.write(packet(0x32, s.open[s.next]))
	})
}

// Said returns what the client has published, as "topic text", whether it is there, and what closes when that changes.
func (s *Server) Said() (said []string, in bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.said...), s.in != nil, s.changed
}

// Acknowledged returns how many messages the client has acknowledged.
func (s *Server) Acknowledged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acks
}

func (s *Server) update(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	close(s.changed)
	s.changed = make(chan struct{})
}

// write sends the client a packet; mu is held.
func (s *Server) write(data []byte) {
	if s.in != nil {
		_, _ = s.in.Write(data)
	}
}

func packet(first byte, body []byte) []byte {
	return append(binary.AppendUvarint([]byte{first}, uint64(len(body))), body...)
}

func (s *Server) serve(conn net.Conn) {
	defer conn.Close()
	s.update(func() { s.conns = append(s.conns, conn) })
	r := bufio.NewReader(conn)
	for {
		first, err := r.ReadByte()
		if err != nil {
			break
		}
		length, err := binary.ReadUvarint(r)
		if err != nil || length > 1<<20 {
			break
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(r, body); err != nil {
			break
		}
		s.update(func() { s.handle(conn, first, body) })
	}
	s.update(func() {
		if s.in == conn {
			s.in, s.held = nil, nil
		}
	})
}

// handle answers a packet; mu is held.
func (s *Server) handle(conn net.Conn, first byte, body []byte) {
	switch first >> 4 {
	case 1: // CONNECT
		code := byte(1)
		if strings.HasPrefix(string(body), "\x00\x04MQTT\x04") {
			code = 0
		}
		_, _ = conn.Write([]byte{0x20, 2, 0, code})
	case 8: // SUBSCRIBE
		_, _ = conn.Write(packet(0x90, append(body[:2:2], 1)))
		s.in = conn
		for _, message := range s.open {
			s.write(packet(0x3a, message)) // DUP
		}
	case 4: // PUBACK
		if id := binary.BigEndian.Uint16(body); s.open[id] != nil {
			delete(s.open, id)
			s.acks++
		}
	case 3: // PUBLISH
		n := 2 + int(binary.BigEndian.Uint16(body))
		s.said = append(s.said, string(body[2:n])+" "+string(body[n+2:]))
		ack := packet(0x40, body[n:n+2])
		if s.hold {
			s.held = append(s.held, ack)
		} else {
			s.write(ack)
		}
	case 12: // PINGREQ
		_, _ = conn.Write([]byte{0xd0, 0})
	}
}
