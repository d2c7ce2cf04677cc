package egress

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/element"
	"github.com/carapace-gateway/carapace/kernel/packet"
	"github.com/carapace-gateway/carapace/wit"
)

// dialRaw opens tcp or tls to a url, which the policy has to permit. clear says that everybody on the way can read along.
// The address is checked by the same dialer as those of requests.
func (c *Client) dialRaw(ctx context.Context, p Policy, u *url.URL) (conn net.Conn, clear bool, err error) {
	r, err := p.allowRaw(u)
	if err != nil {
		return nil, false, err
	}
	conn, err = c.dialer(r.private)(ctx, "tcp", net.JoinHostPort(u.Hostname(), u.Port()))
	if err != nil {
		return nil, false, err
	}
	if u.Scheme == "tcp" {
		return conn, !r.private, nil
	}
	secure, err := c.encrypt(ctx, conn, u.Hostname())
	if err != nil {
		conn.Close()
		return nil, false, err
	}
	return secure, false, nil
}

// encrypt makes TLS of a connection. It is made here and not by the dialer, for the certificate has to be that of the
// name in the url.
func (c *Client) encrypt(ctx context.Context, conn net.Conn, host string) (net.Conn, error) {
	config := &tls.Config{}
	if c.tls != nil {
		config = c.tls.Clone()
	}
	// No ALPN: what is spoken here is the plugin's affair, and it is no HTTP.
	config.ServerName, config.NextProtos = host, nil
	secure := tls.Client(conn, config)
	return secure, secure.HandshakeContext(ctx)
}

// raw opens a tcp or tls connection of frames.
func (c *Conn) raw(client *Client, o *wit.OpenConnection) error {
	u, err := parseRaw(o.URL, string(o.Transport))
	if err != nil {
		return err
	}
	c.m.url, c.asked, c.m.shown = u, u, originOf(u)
	if len(o.Headers) > 0 {
		return wit.Errorf(wit.CodeInvalid, "http: a %s connection has no headers", o.Transport)
	}
	conn, clear, err := client.dialRaw(c.ctx, c.m.policy, u)
	if err != nil {
		return err
	}
	c.clear = clear
	c.wire = newSocket(conn, client, o)
	return nil
}

// socket is a wire of bytes, which are read in the frames that its framing makes of them.
type socket struct {
	client  *Client
	opened  net.Conn // what is closed: encrypted or not, it is below all else
	conn    net.Conn
	r       *bufio.Reader
	framing wit.StreamFraming
	length  *wit.LengthPrefix
	limit   int // bytes of a line, a packet or an element
	piece   []byte
	xml     *element.Reader
}

// rawPiece is the longest piece of a stream without a framing.
const rawPiece = inlineBytes

func newSocket(conn net.Conn, client *Client, o *wit.OpenConnection) *socket {
	s := &socket{client: client, opened: conn, conn: conn, r: bufio.NewReader(conn), framing: o.Framing, length: o.Length, limit: int(min(o.MaxBytes, wit.OpenConnectionMaxBytesMax))}
	if s.limit == 0 {
		s.limit = wit.OpenConnectionMaxBytesDefault
	}
	if s.framing == wit.StreamFramingRaw {
		s.piece = make([]byte, rawPiece)
	}
	s.xml = element.NewReader(s.r, s.limit)
	return s
}

func (s *socket) read() (wit.Frame, error) {
	switch s.framing {
	case wit.StreamFramingPackets:
		data, err := packet.Read(s.r, s.length, s.limit)
		return wit.Frame{Bytes: data}, err
	case wit.StreamFramingRaw:
		n, err := s.r.Read(s.piece) // what comes while nobody reads waits in the system, and is joined there
		if n > 0 {
			return wit.Frame{Bytes: bytes.Clone(s.piece[:n])}, nil
		}
		return wit.Frame{}, err
	case wit.StreamFramingElements:
		return text(s.xml.Next())
	}
	return text(s.line())
}

// text is a frame of a text, or of bytes where it is none. What came of one before an error is no frame.
func text(data []byte, err error) (wit.Frame, error) {
	switch {
	case err != nil:
		return wit.Frame{}, err
	case utf8.Valid(data):
		return wit.Frame{Text: new(string(data))}, nil
	}
	return wit.Frame{Bytes: data}, nil
}

// line reads a line without its end, which is LF or CRLF. No more memory is taken than has arrived of it.
func (s *socket) line() (line []byte, err error) {
	for more := true; more; {
		var part []byte
		part, err = s.r.ReadSlice('\n')
		more = errors.Is(err, bufio.ErrBufferFull)
		if len(line)+len(part) > s.limit+len("\r\n") {
			return nil, tooLong(s.limit)
		}
		line = append(line, part...)
	}
	if err != nil {
		return nil, err
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(line) > s.limit {
		return nil, tooLong(s.limit)
	}
	return line, nil
}

func tooLong(limit int) error {
	return wit.Errorf(wit.CodeTooLarge, "http: the other side sent a line of more than %d bytes", limit)
}

func (s *socket) write(ctx context.Context, f *wit.Frame) error {
	data := f.Bytes
	switch {
	case f.Text == nil:
	case s.framing != wit.StreamFramingLines && s.framing != "":
		data = []byte(*f.Text)
	case strings.ContainsAny(*f.Text, "\r\n"):
		// A text with a line break in it would be two commands to most servers.
		return wit.NewError(wit.CodeInvalid, "http: a text frame is one line: send several, or bytes")
	default:
		data = []byte(*f.Text + "\r\n")
	}
	// A net.Conn knows deadlines and no contexts; a cancelled context closes the connection instead, but only in a moment.
	if err := ctx.Err(); err != nil {
		return err
	}
	deadline, _ := ctx.Deadline()
	_ = s.conn.SetWriteDeadline(deadline) // where that fails, so does what follows
	_, err := s.conn.Write(data)
	return err
}

// A TLS connection says goodbye when it is closed, and must not wait for that to be taken.
func (s *socket) close() {
	_ = s.opened.SetDeadline(time.Unix(1, 0))
	_ = s.opened.Close()
}

// secure goes on encrypted. What the other side has sent in plain text and nobody has read yet may be somebody else's on
// the way, who would have it taken as said under the encryption.
func (s *socket) secure(ctx context.Context, host string) error {
	if _, is := s.conn.(*tls.Conn); is {
		return wit.NewError(wit.CodeInvalid, "http: the connection is encrypted already")
	}
	if n := s.r.Buffered(); n > 0 {
		_, _ = s.r.Discard(n) // it is there
		return wit.Errorf(wit.CodeUnavailable, "http: %d bytes came in plain text behind the agreement to encrypt: somebody on the way may have put them there", n)
	}
	_ = s.conn.SetDeadline(time.Time{}) // the context's holds now
	secure, err := s.client.encrypt(ctx, s.conn, host)
	if err != nil {
		return err
	}
	s.conn, s.r = secure, bufio.NewReader(secure)
	s.xml = element.NewReader(s.r, s.limit)
	return nil
}
