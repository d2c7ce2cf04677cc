package host

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// sockets answers a version's interface socket. A socket is a connection without a framing, under the same permission
// and counted as one, which a call reads and writes itself.
type sockets struct {
	connections *Connections
	credentials *Credentials
	media       Media // nil where the plugin may send no files, or there are none
}

// Open is the guest's. Errors are those of Connections.Open; CodeForbidden in a pure function; CodeRateLimited where the
// call has as many as it may.
func (s sockets) Open(ctx context.Context, a *wit.SocketAddress) (*wit.SocketReference, error) {
	call := CallOf(ctx)
	if f := wit.Export(call.Export); f != nil && f.Pure || call.Sockets == nil {
		return nil, wit.Errorf(wit.CodeForbidden, "socket: %s may not open sockets: open a connection in the answer", call.Export)
	}
	scheme, _, _ := strings.Cut(a.URL, "://")
	o := &wit.OpenConnection{Transport: wit.Transport(scheme), URL: a.URL, Framing: wit.StreamFramingRaw}
	if o.Transport != wit.TransportTCP && o.Transport != wit.TransportTLS {
		return nil, wit.NewError(wit.CodeInvalid, "socket: the url is tcp://host:port or tls://host:port")
	}
	return call.Sockets.add(func() (*socket, error) {
		life, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer context.AfterFunc(ctx, cancel)() // while it is being opened
		conn, err := s.connections.Open(life, call.Account, s.credentials.For(life, call.Account), o)
		if err != nil {
			cancel()
			return nil, inTime(ctx, err)
		}
		return &socket{conn: conn, cancel: cancel}, nil
	})
}

// Read is the guest's. Errors: CodeNotFound for a socket that is not open; CodeTooLarge when the call has used up its
// bytes; egress.Conn.Read's.
func (sockets) Read(ctx context.Context, d *wit.SocketDemand) (data *wit.SocketData, err error) {
	most := int(d.Most)
	if most == 0 {
		most = wit.SocketDemandMostDefault
	}
	err = use(ctx, d.Socket, func(s *socket) (n int, err error) {
		data, err = s.read(most)
		if err != nil {
			return 0, err
		}
		return len(data.Bytes), nil
	})
	return data, err
}

// Write is the guest's. Errors: CodeNotFound; CodeInvalid for more than one of text, bytes, parts and a file; CodeForbidden for a file
// without the permission; CodeTooLarge; egress.Conn.Write's.
func (k sockets) Write(ctx context.Context, w *wit.SocketWriting) (*wit.Done, error) {
	if w.Media != nil {
		return k.writeFile(ctx, w)
	}
	err := use(ctx, w.Socket, func(s *socket) (n int, err error) {
		f := wit.Frame{Text: w.Text, Bytes: w.Bytes, Fill: w.Fill, Base64: w.Base64, Parts: w.Parts}
		return sizeOf(&f), s.conn.Write(f)
	})
	return &wit.Done{OK: true}, err
}

// sizeOf is how many bytes a frame has before it is filled in. With a file in it, it counts as the longest.
func sizeOf(f *wit.Frame) int {
	n := len(f.Bytes)
	if f.Text != nil {
		n += len(*f.Text)
	}
	for i := range f.Parts {
		part := &f.Parts[i]
		n += len(part.Bytes)
		if part.Text != nil {
			n += len(*part.Text)
		}
		if part.Media != nil {
			return wit.LimitHTTPFrameBytes
		}
	}
	return n
}

// StartTLS is the guest's. Errors: CodeNotFound; egress.Conn.Secure's; CodeUnavailable where more has come than was read.
func (sockets) StartTLS(ctx context.Context, r *wit.SocketReference) (*wit.Done, error) {
	err := use(ctx, r.Socket, func(s *socket) (int, error) {
		if len(s.rest) > 0 {
			return 0, wit.NewError(wit.CodeUnavailable, "socket: more has come in plain text than was read: somebody on the way may have put it there")
		}
		return 0, s.conn.Secure()
	})
	return &wit.Done{OK: true}, err
}

// Close is the guest's. Closing what is not open is no error.
func (sockets) Close(ctx context.Context, r *wit.SocketReference) (*wit.Done, error) {
	if open := CallOf(ctx).Sockets; open != nil {
		open.remove(r.Socket)
	}
	return &wit.Done{OK: true}, nil
}

// use does something with a socket of the call that ctx is of, and counts the bytes. A socket that fails is closed, and
// so is one when the call has no time left.
func use(ctx context.Context, number uint32, do func(*socket) (int, error)) error {
	open := CallOf(ctx).Sockets
	s := open.get(number)
	if s == nil {
		return wit.Errorf(wit.CodeNotFound, "socket: the call has no socket %d open", number)
	}
	defer context.AfterFunc(ctx, s.close)()
	n, err := do(s)
	if err == nil && open.count(n) {
		err = wit.Errorf(wit.CodeTooLarge, "socket: a call reads and writes at most %d bytes", wit.LimitSocketCallBytes)
	}
	if err != nil {
		open.remove(number)
	}
	return inTime(ctx, err)
}

// inTime is an error, as the end of the call's time where that brought it about.
func inTime(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return wit.NewError(wit.CodeTimeout, "socket: the call has no time left")
	}
	return err
}

// socket is one that is open.
type socket struct {
	conn   *egress.Conn
	cancel context.CancelFunc
	rest   []byte // read from conn, and not by the guest
	ended  bool
}

func (s *socket) close() {
	_ = s.conn.Close()
	s.cancel()
}

func (s *socket) read(most int) (*wit.SocketData, error) {
	if len(s.rest) == 0 && !s.ended {
		f, err := s.conn.Read()
		end := (*egress.ClosedError)(nil)
		if s.ended = errors.As(err, &end); err != nil && !s.ended {
			return nil, err
		}
		s.rest = f.Bytes
	}
	n := min(most, len(s.rest))
	data := &wit.SocketData{Bytes: s.rest[:n], Ended: s.ended}
	s.rest = s.rest[n:]
	return data, nil
}

// Sockets are those that one call has open, by number. The zero value has none. Close ends them.
type Sockets struct {
	mu    sync.Mutex
	open  map[uint32]*socket
	last  uint32
	bytes int // read and written
	over  bool
}

// add opens one more and gives it a number.
func (s *Sockets) add(open func() (*socket, error)) (*wit.SocketReference, error) {
	s.mu.Lock()
	full := len(s.open) >= wit.LimitSocketAtOnce
	s.mu.Unlock()
	if full {
		return nil, wit.ErrorAfter(wit.CodeRateLimited, roomAgain, "socket: a call has at most %d sockets open: close one", wit.LimitSocketAtOnce)
	}
	made, err := open() // a guest does one thing at a time
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		made.close()
		return nil, wit.NewError(wit.CodeTimeout, "socket: the call is over")
	}
	if s.open == nil {
		s.open = map[uint32]*socket{}
	}
	s.last++
	s.open[s.last] = made
	return &wit.SocketReference{Socket: s.last}, nil
}

func (s *Sockets) get(number uint32) *socket {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[number]
}

// count counts bytes and reports whether there are too many.
func (s *Sockets) count(n int) (over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += n
	return s.bytes > wit.LimitSocketCallBytes
}

// remove closes one.
func (s *Sockets) remove(number uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.open[number]; one != nil {
		delete(s.open, number)
		one.close()
	}
}

// Close closes all. No more can be opened.
func (s *Sockets) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for number, one := range s.open {
		delete(s.open, number)
		one.close()
	}
}
