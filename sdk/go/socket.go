package sdk

import (
	"bytes"
	"io"

	"github.com/carapace-gateway/carapace/wit"
)

// Socket is a dialogue with a server inside of one call, for a protocol such as SMTP. It is an io.ReadWriteCloser, and not
// a net.Conn, which would make a guest larger. What the plugin does not close, the gateway does when the call ends.
type Socket struct {
	host   *Host
	number uint32
	unread []byte
	ended  bool
}

// maxLine bounds a line that Line reads.
const maxLine = 64 << 10

// Dial opens a socket to `tcp://host:port` or `tls://host:port`. Permission `http`, whose hosts have to name it with its
// port, or as `config:field` of such a URL. Not for pure functions such as a channel's Event.
func (h *Host) Dial(url string) (*Socket, error) {
	opened := new(wit.SocketReference)
	if err := call(h, socketOpen, &wit.SocketAddress{URL: url}, opened); err != nil {
		return nil, err
	}
	return &Socket{host: h, number: opened.Socket}, nil
}

// Read implements io.Reader: it waits until something has come.
func (s *Socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := s.more(); err != nil {
		return 0, err
	}
	n := copy(p, s.unread)
	s.unread = s.unread[n:]
	return n, nil
}

// more makes unread hold something.
func (s *Socket) more() error {
	if len(s.unread) > 0 {
		return nil
	}
	if s.ended {
		return io.EOF
	}
	return s.fetch()
}

// fetch adds what comes to unread.
func (s *Socket) fetch() error {
	data := new(wit.SocketData)
	if err := call(s.host, socketRead, &wit.SocketDemand{Socket: s.number}, data); err != nil {
		return err
	}
	s.unread, s.ended = append(s.unread, data.Bytes...), data.Ended
	if s.ended && len(data.Bytes) == 0 {
		return io.EOF
	}
	return nil
}

// Line reads a line of at most 64 KB and returns it without its end, which is LF or CRLF. An end of the stream in a line is
// io.ErrUnexpectedEOF, and before one io.EOF.
func (s *Socket) Line() (string, error) {
	for from := 0; ; {
		if i := bytes.IndexByte(s.unread[from:], '\n'); i >= 0 {
			line := s.unread[:from+i]
			s.unread = s.unread[from+i+1:]
			return string(bytes.TrimSuffix(line, []byte("\r"))), nil
		}
		if from = len(s.unread); from > maxLine {
			return "", wit.NewError(wit.CodeTooLarge, "the server sent a line that is too long")
		}
		err := error(io.EOF)
		if !s.ended {
			err = s.fetch()
		}
		if err == io.EOF && from > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return "", err
		}
	}
}

// Write implements io.Writer.
func (s *Socket) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		part := p[written:min(written+wit.SocketWritingBytesMax, len(p))]
		if err := s.write(&wit.SocketWriting{Bytes: part}); err != nil {
			return written, err
		}
		written += len(part)
	}
	return written, nil
}

// Fill writes a text in which `{{credential:name}}` is replaced. It has to be the plugin's own words: somebody else's
// could name a credential.
func (s *Socket) Fill(text string) error {
	return s.write(&wit.SocketWriting{Text: &text, Fill: true})
}

// FillBase64 is Fill, and what it makes is written in base64, as logins have it.
func (s *Socket) FillBase64(text string) error {
	return s.write(&wit.SocketWriting{Text: &text, Fill: true, Base64: true})
}

// WriteFile writes a file of the media store, with base64 in lines of 76 characters as mails have them. Permission `media`.
func (s *Socket) WriteFile(media string, base64 bool) error {
	return s.write(&wit.SocketWriting{Media: &media, Base64: base64})
}

// WriteParts writes what is put together of parts: credentials, files, and how long they are.
func (s *Socket) WriteParts(parts ...wit.FramePart) error {
	return s.write(&wit.SocketWriting{Parts: parts})
}

// ReceiveFile keeps what comes next on the socket, so many bytes as file says, in the media store, without the guest reading it;
// socket and read are filled in. After an error the socket is closed. Permission `media`.
func (s *Socket) ReceiveFile(file *wit.SocketReceiving) (*wit.ReceivedFile, error) {
	file.Socket = s.number
	file.Head = s.unread[:min(int64(len(s.unread)), file.Size)]
	s.unread = s.unread[len(file.Head):]
	received := new(wit.ReceivedFile)
	if err := call(s.host, socketReceive, file, received); err != nil {
		return nil, err
	}
	return received, nil
}

func (s *Socket) write(w *wit.SocketWriting) error {
	w.Socket = s.number
	return call(s.host, socketWrite, w, new(wit.Done))
}

// StartTLS goes on encrypted once the server has agreed to it. It fails where more has come than was read: what somebody
// on the way has put there would be taken as the server's.
func (s *Socket) StartTLS() error {
	if len(s.unread) > 0 {
		_ = s.Close()
		return wit.NewError(wit.CodeUnavailable, "more has come in plain text than the server's agreement to encrypt")
	}
	return call(s.host, socketStartTls, &wit.SocketReference{Socket: s.number}, new(wit.Done))
}

// Close closes the socket.
func (s *Socket) Close() error {
	return call(s.host, socketClose, &wit.SocketReference{Socket: s.number}, new(wit.Done))
}
