//go:build !wasip1

package sdktest

import (
	"encoding/base64"
	"errors"
	"io"
	"net"

	"github.com/carapace-gateway/carapace/wit"
)

// socket is the open one of a number. h.mu is not held while something is done with it.
func (h *Host) socket(number uint32) (net.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if conn := h.sockets[number]; conn != nil {
		return conn, nil
	}
	return nil, wit.Errorf(wit.CodeNotFound, "there is no socket %d", number)
}

func (h *Host) socketOpen(a *wit.SocketAddress) (*wit.SocketReference, error) {
	if h.Dial == nil {
		return nil, wit.NewError(wit.CodeForbidden, "the test host has no Dial")
	}
	conn, err := h.Dial(a.URL)
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "%w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sockets == nil {
		h.sockets = map[uint32]net.Conn{}
	}
	number := uint32(len(h.sockets) + 1)
	h.sockets[number] = conn
	return &wit.SocketReference{Socket: number}, nil
}

func (h *Host) socketRead(d *wit.SocketDemand) (*wit.SocketData, error) {
	conn, err := h.socket(d.Socket)
	if err != nil {
		return nil, err
	}
	most := d.Most
	if most == 0 {
		most = wit.SocketDemandMostDefault
	}
	b := make([]byte, most)
	n, err := conn.Read(b)
	switch {
	case errors.Is(err, io.EOF):
		return &wit.SocketData{Bytes: b[:n], Ended: true}, nil
	case err != nil:
		return nil, wit.Errorf(wit.CodeUnavailable, "%w", err)
	}
	return &wit.SocketData{Bytes: b[:n]}, nil
}

func (h *Host) socketWrite(w *wit.SocketWriting) (*wit.Done, error) {
	conn, err := h.socket(w.Socket)
	if err != nil {
		return nil, err
	}
	data := w.Bytes
	if w.Text != nil {
		text, fill := *w.Text, filler{host: h}
		if w.Fill {
			text = fill.in(text)
		}
		if fill.err != nil {
			return nil, fill.err
		}
		if w.Base64 {
			text = base64.StdEncoding.EncodeToString([]byte(text))
		}
		data = []byte(text)
	}
	if _, err := conn.Write(data); err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "%w", err)
	}
	return &wit.Done{OK: true}, nil
}

// socketStartTls makes no TLS: the test's server goes on in plain text.
func (h *Host) socketStartTls(r *wit.SocketReference) (*wit.Done, error) {
	_, err := h.socket(r.Socket)
	return &wit.Done{OK: true}, err
}

func (h *Host) socketClose(r *wit.SocketReference) (*wit.Done, error) {
	conn, err := h.socket(r.Socket)
	if err != nil {
		return &wit.Done{OK: true}, nil
	}
	return &wit.Done{OK: true}, conn.Close()
}
