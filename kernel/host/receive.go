package host

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime/quotedprintable"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// Receive is the guest's: what comes on the socket goes to the media store piece by piece. The socket stands behind the file then;
// after an error it is closed. Errors: CodeNotFound; CodeForbidden without the permission; CodeTooLarge for the file and for the
// call's bytes; CodeInvalid for an empty file; CodeUnavailable for one that ends early or is not in its form; egress.Conn.Read's;
// the store's.
func (k sockets) Receive(ctx context.Context, r *wit.SocketReceiving) (*wit.ReceivedFile, error) {
	switch {
	case k.media == nil:
		return nil, wit.NewError(wit.CodeForbidden, "socket: a file needs the permission media, and a media store")
	case int64(len(r.Head)) > r.Size:
		return nil, wit.NewError(wit.CodeInvalid, "socket: more was read than the file has")
	}
	file := new(wit.ReceivedFile)
	err := use(ctx, r.Socket, func(s *socket) (n int, err error) {
		from := &arriving{socket: s, read: r.Head, left: r.Size}
		body := &counted{from: decoding(from, r.Form), most: r.Most}
		info := wit.MediaInfo{Name: r.Name}
		if r.Mime != nil {
			info.Mime = *r.Mime
		}
		if file.Media, err = k.media.Store(ctx, info, body); err == nil {
			_, err = io.Copy(io.Discard, from) // an encoding may end before the file does
		}
		file.Size = body.n
		return int(r.Size) - len(r.Head), err
	})
	if err != nil {
		return nil, err
	}
	return file, nil
}

// decoding is a file as it is kept.
func decoding(from io.Reader, form wit.FileForm) io.Reader {
	switch form {
	case wit.FileFormBase64:
		return base64.NewDecoder(base64.RawStdEncoding, letters{from})
	case wit.FileFormQuotedPrintable:
		return quotedprintable.NewReader(from)
	}
	return from
}

// letters are those of base64 in what is read. Mails have line ends among them, and programs anything else (RFC 2045, 6.8).
type letters struct{ from io.Reader }

func (l letters) Read(p []byte) (n int, err error) {
	for n == 0 && err == nil && len(p) > 0 {
		var all int
		all, err = l.from.Read(p)
		for _, c := range p[:all] {
			if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' {
				p[n] = c
				n++
			}
		}
	}
	return n, err
}

// arriving is a file that comes on a socket.
type arriving struct {
	socket *socket
	read   []byte // what the guest has of it
	left   int64  // with that
}

func (a *arriving) Read(p []byte) (int, error) {
	if a.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), a.left)]
	var n int
	if len(a.read) > 0 {
		n = copy(p, a.read)
		a.read = a.read[n:]
	} else {
		data, err := a.socket.read(len(p))
		if end := (*egress.ClosedError)(nil); errors.As(err, &end) || err == nil && len(data.Bytes) == 0 && data.Ended {
			return 0, wit.Errorf(wit.CodeUnavailable, "socket: it has ended %d bytes before the file did", a.left)
		}
		if err != nil {
			return 0, err
		}
		n = copy(p, data.Bytes)
	}
	a.left -= int64(n)
	return n, nil
}

// counted is a file of which no more than most is taken; all of it, where that is 0.
type counted struct {
	from    io.Reader
	most, n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	if c.n += int64(n); c.most > 0 && c.n > c.most {
		return 0, wit.Errorf(wit.CodeTooLarge, "socket: the file has more than %d bytes", c.most)
	}
	return n, err
}
