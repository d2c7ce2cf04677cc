package egress

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

// raw opens a tcp or tls connection. The address is checked by the same dialer as those of requests. TLS is made
// here and not by the dialer, for the certificate has to be that of the name in the url.
func (c *Conn) raw(client *Client, o *wit.OpenConnection) error {
	u, err := parseRaw(o.URL, string(o.Transport))
	if err != nil {
		return err
	}
	c.m.url, c.asked, c.m.shown = u, u, originOf(u)
	if len(o.Headers) > 0 {
		return wit.Errorf(wit.CodeInvalid, "http: a %s connection has no headers", o.Transport)
	}
	r, err := c.m.policy.allowRaw(u)
	if err != nil {
		return err
	}
	conn, err := client.dialer(r.private)(c.ctx, "tcp", net.JoinHostPort(u.Hostname(), u.Port()))
	if err != nil {
		return err
	}
	if o.Transport == wit.TransportTLS {
		config := &tls.Config{}
		if client.tls != nil {
			config = client.tls.Clone()
		}
		// No ALPN: what is spoken here is the plugin's affair, and it is no HTTP.
		config.ServerName, config.NextProtos = u.Hostname(), nil
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(c.ctx); err != nil {
			conn.Close()
			return err
		}
		conn = secure
	}
	c.clear = o.Transport == wit.TransportTCP && !r.private
	c.wire = &lineWire{conn: conn, r: bufio.NewReaderSize(conn, maxLine+len("\r\n"))}
	return nil
}

// lineWire is a wire of lines.
// A line may end with LF or CRLF and is read without it. The buffer has room for the longest one, so reading
// allocates no more than that, whatever the other side sends.
type lineWire struct {
	conn net.Conn
	r    *bufio.Reader
}

func (l *lineWire) read() (wit.Frame, error) {
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return wit.Frame{}, wit.Errorf(wit.CodeTooLarge, "http: the other side sent a line of more than %d bytes", maxLine)
	}
	if err != nil {
		return wit.Frame{}, err // what came of a line is none
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if utf8.Valid(line) {
		return wit.Frame{Text: new(string(line))}, nil
	}
	return wit.Frame{Bytes: bytes.Clone(line)}, nil
}

func (l *lineWire) write(ctx context.Context, f *wit.Frame) error {
	data := f.Bytes
	if f.Text != nil {
		// A text with a line break in it would be two commands to most servers.
		if strings.ContainsAny(*f.Text, "\r\n") {
			return wit.NewError(wit.CodeInvalid, "http: a text frame is one line: send several, or bytes")
		}
		data = []byte(*f.Text + "\r\n")
	}
	// A net.Conn knows deadlines and no contexts; a cancelled context closes the connection instead, but only in a moment.
	if err := ctx.Err(); err != nil {
		return err
	}
	deadline, _ := ctx.Deadline()
	_ = l.conn.SetWriteDeadline(deadline) // where that fails, so does what follows
	_, err := l.conn.Write(data)
	return err
}

// A TLS connection says goodbye when it is closed, and must not wait for that to be taken.
func (l *lineWire) close() {
	_ = l.conn.SetDeadline(time.Unix(1, 0))
	_ = l.conn.Close()
}
