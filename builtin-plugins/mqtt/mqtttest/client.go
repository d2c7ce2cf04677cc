package mqtttest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// client is a connection.
type client struct {
	conn    net.Conn
	id      string
	version byte
	session *session
	window  int
	most    uint32 // bytes of a packet that it takes; 0 for any
	will    *Message
	ended   bool        // nothing of it counts any more
	out     chan output // closed when it has ended
}

// output is what is to be written, and how much later.
type output struct {
	data []byte
	late time.Duration
}

// maxOut is how many packets wait for a client before it is given up.
const maxOut = 10_000

// serve speaks with a client until it goes.
func (s *Server) serve(conn net.Conn) {
	c := &client{conn: conn, version: 5, out: make(chan output, maxOut)}
	s.update(func() {
		s.opened++
		s.clients[c] = true
	})
	go c.flush()
	r := bufio.NewReader(conn)
	for {
		p, err := read(r, c.version)
		if err != nil {
			break
		}
		s.update(func() { s.handle(c, &p) })
	}
	s.update(func() { s.end(c, true) })
	_ = conn.Close()
}

// read reads a packet.
func read(r *bufio.Reader, version byte) (p packets.Packet, err error) {
	first, err := r.ReadByte()
	if err != nil {
		return p, err
	}
	p.ProtocolVersion = version
	if err := p.FixedHeader.Decode(first); err != nil {
		return p, err
	}
	if p.FixedHeader.Remaining, _, err = packets.DecodeLength(r); err != nil {
		return p, err
	}
	body := make([]byte, p.FixedHeader.Remaining)
	if _, err := io.ReadFull(r, body); err != nil {
		return p, err
	}
	decode := map[byte]func([]byte) error{
		packets.Connect: p.ConnectDecode, packets.Publish: p.PublishDecode, packets.Puback: p.PubackDecode, packets.Pubrec: p.PubrecDecode,
		packets.Pubrel: p.PubrelDecode, packets.Pubcomp: p.PubcompDecode, packets.Subscribe: p.SubscribeDecode,
		packets.Unsubscribe: p.UnsubscribeDecode, packets.Disconnect: p.DisconnectDecode,
	}[p.FixedHeader.Type]
	if decode != nil {
		err = decode(body)
	}
	return p, err
}

// write has a packet written.
func (c *client) write(p *packets.Packet, late time.Duration) {
	p.ProtocolVersion = c.version
	var b bytes.Buffer
	var err error
	switch p.FixedHeader.Type {
	case packets.Connack:
		err = p.ConnackEncode(&b)
	case packets.Publish:
		err = p.PublishEncode(&b)
	case packets.Puback:
		err = p.PubackEncode(&b)
	case packets.Pubrec:
		err = p.PubrecEncode(&b)
	case packets.Pubrel:
		p.FixedHeader.Qos = 1
		err = p.PubrelEncode(&b)
	case packets.Pubcomp:
		err = p.PubcompEncode(&b)
	case packets.Suback:
		err = p.SubackEncode(&b)
	case packets.Unsuback:
		err = p.UnsubackEncode(&b)
	case packets.Pingresp:
		err = p.PingrespEncode(&b)
	case packets.Disconnect:
		err = p.DisconnectEncode(&b)
	}
	if err != nil || c.ended {
		return
	}
	select {
	case c.out <- output{b.Bytes(), late}:
	default:
		_ = c.conn.Close()
	}
}

// flush writes what is to be written, and then ends the connection behind it: the client still reads that.
func (c *client) flush() {
	for o := range c.out {
		if o.late > 0 {
			time.Sleep(o.late)
		}
		if _, err := c.conn.Write(o.data); err != nil {
			_ = c.conn.Close()
		}
	}
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	_ = c.conn.Close()
}

// end ends a connection; with will, its last will is published.
func (s *Server) end(c *client, will bool) {
	if c.ended {
		return
	}
	c.ended = true
	close(c.out)
	delete(s.clients, c)
	if to := c.session; to != nil && to.client == c {
		to.client = nil
		if !to.kept {
			delete(s.sessions, c.id)
		}
	}
	if will && c.will != nil {
		s.published = append(s.published, *c.will)
		s.deliver(*c.will)
	}
}
