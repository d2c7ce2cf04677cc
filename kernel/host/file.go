package host

import (
	"context"
	"encoding/base64"
	"io"

	"github.com/carapace-gateway/carapace/wit"
)

const (
	// filePiece is how much of a file is written at once: whole lines of base64.
	filePiece = 1000 * lineBytes
	// lineBytes is what a line of 76 characters of base64 has (RFC 2045, 6.8).
	lineBytes = 57
)

// writeFile writes a file of the media store on a socket, piece by piece.
func (k sockets) writeFile(ctx context.Context, w *wit.SocketWriting) (*wit.Done, error) {
	switch {
	case w.Text != nil || len(w.Bytes)+len(w.Parts) > 0 || w.Fill:
		return nil, wit.NewError(wit.CodeInvalid, "socket: a text, bytes, or a file: one of them")
	case k.media == nil:
		return nil, wit.NewError(wit.CodeForbidden, "socket: a file needs the permission media, and a media store")
	}
	file, _, err := k.media.Open(ctx, *w.Media)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	piece := make([]byte, filePiece)
	for ended := false; !ended; {
		n, err := io.ReadFull(file, piece)
		if ended = err == io.EOF || err == io.ErrUnexpectedEOF; err != nil && !ended {
			return nil, wit.Errorf(wit.CodeUnavailable, "socket: read the file: %w", err)
		}
		out := piece[:n]
		if w.Base64 {
			out = inLines(out)
		}
		if len(out) == 0 {
			break
		}
		if err := use(ctx, w.Socket, func(s *socket) (int, error) { return len(out), s.conn.Write(wit.Frame{Bytes: out}) }); err != nil {
			return nil, err
		}
	}
	return &wit.Done{OK: true}, nil
}

// inLines writes bytes in base64, in lines as mails have them.
func inLines(data []byte) []byte {
	out := make([]byte, 0, base64.StdEncoding.EncodedLen(len(data))+2*(len(data)/lineBytes+1))
	for len(data) > 0 {
		n := min(lineBytes, len(data))
		out = append(base64.StdEncoding.AppendEncode(out, data[:n]), '\r', '\n')
		data = data[n:]
	}
	return out
}
