package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/coder/websocket"
)

// maxSkipped is how many bytes of a message beyond its bound are read, so that the connection can go on.
const maxSkipped = 64 << 20

// refusal is an error with its close code.
type refusal struct {
	error
	close websocket.StatusCode
}

// message is what a client has sent: text in UTF-8, or the beginning of what is too long, and the rest of it. What it holds is
// released when it was answered.
type message struct {
	text []byte
	rest io.Reader
	claim
}

// readMessage returns a client's next message, or of more than limit bytes, or than there is room for, the beginning.
// Errors: *refusal for what the client is to be told; else the connection is gone.
func readMessage(ws *websocket.Conn, t *transport, limit int64) (message, error) {
	kind, r, err := ws.Reader(context.Background())
	if err != nil {
		return message{}, err
	}
	if kind != websocket.MessageText {
		return message{}, &refusal{errors.New("binary messages not supported"), wire.CloseUnsupported}
	}
	m := message{claim: claim{of: t.memory}}
	text, cut, err := t.readAll(r, limit, &m.claim)
	if err == nil && !cut && !utf8.Valid(text) {
		err = &refusal{errors.New("text that is not UTF-8"), wire.CloseNotText}
	}
	if err != nil {
		m.release()
		return message{}, err
	}
	if m.text = text; cut {
		m.rest = r
		m.release()
	}
	return m, nil
}

// tooLong refuses a message of which nothing can be answered.
func tooLong(limit int64) error {
	return &refusal{fmt.Errorf("a message must not have more than %d bytes", limit), wire.CloseTooBig}
}

// request decodes a message, and says why the request is to be refused if it is. err ends the connection: there is no
// request to answer then, and what follows in the stream could not be trusted either.
func (m message) request(limit int64) (req wire.Request, bad, err error) {
	if m.rest == nil {
		req, bad = wire.DecodeRequest(m.text)
		if bad != nil && req.ID == "" {
			return req, nil, &refusal{bad, wire.ClosePolicy}
		}
		return req, bad, nil
	}
	if req.ID = wire.RequestID(m.text); req.ID == "" {
		return req, nil, tooLong(limit)
	}
	if bad = wit.Errorf(wit.CodeTooLarge, "a request must not have more than %d bytes", limit); m.refused {
		bad = wit.ErrorAfter(wit.CodeUnavailable, roomAgain, "%s", noRoom)
	}
	return req, bad, m.skip(limit)
}

// noRoom is said of a long request for which there is no room, and roomAgain is when it is to be sent again.
const (
	noRoom    = "the gateway has no room for a long request at the moment: send it again in a moment"
	roomAgain = time.Second
)

// skip reads what is too long to its end, so that the connection can go on. Errors: as readMessage's.
func (m message) skip(limit int64) error {
	n, err := io.Copy(io.Discard, io.LimitReader(m.rest, maxSkipped+1))
	if err == nil && n > maxSkipped {
		err = tooLong(limit)
	}
	return err
}
