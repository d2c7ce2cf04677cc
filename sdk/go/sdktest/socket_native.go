//go:build !wasip1

package sdktest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime/quotedprintable"
	"net"
	"slices"
	"strconv"

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
	frame := wit.Frame{Text: w.Text, Bytes: w.Bytes, Fill: w.Fill, Base64: w.Base64, Parts: w.Parts}
	data, err := h.Written(&frame)
	if w.Media != nil {
		if data = h.file(*w.Media); w.Base64 {
			data = inLines(data)
		}
	}
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(data); err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "%w", err)
	}
	return &wit.Done{OK: true}, nil
}

// inLines writes a file in base64, in lines of 76 characters.
func inLines(data []byte) (out []byte) {
	for line := range slices.Chunk(data, 57) {
		out = append(base64.StdEncoding.AppendEncode(out, line), '\r', '\n')
	}
	return out
}

// socketReceive keeps a file in Files and Media, with received-1 and so on as its id.
func (h *Host) socketReceive(r *wit.SocketReceiving) (*wit.ReceivedFile, error) {
	conn, err := h.socket(r.Socket)
	if err != nil {
		return nil, err
	}
	var from io.Reader = io.LimitReader(io.MultiReader(bytes.NewReader(r.Head), conn), r.Size)
	switch r.Form {
	case wit.FileFormBase64:
		from = base64.NewDecoder(base64.StdEncoding, from)
	case wit.FileFormQuotedPrintable:
		from = quotedprintable.NewReader(from)
	}
	data, err := io.ReadAll(from)
	switch {
	case err != nil:
		return nil, wit.Errorf(wit.CodeUnavailable, "%w", err)
	case r.Most > 0 && int64(len(data)) > r.Most:
		return nil, wit.Errorf(wit.CodeTooLarge, "the file has more than %d bytes", r.Most)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.Files == nil {
		h.Files = map[string][]byte{}
	}
	if h.Media == nil {
		h.Media = map[string]wit.MediaInfo{}
	}
	h.received++
	id := "received-" + strconv.Itoa(h.received)
	info := wit.MediaInfo{Media: id, Name: r.Name, Size: int64(len(data))}
	if r.Mime != nil {
		info.Mime = *r.Mime
	}
	h.Files[id], h.Media[id] = data, info
	return &wit.ReceivedFile{Media: id, Size: info.Size}, nil
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
