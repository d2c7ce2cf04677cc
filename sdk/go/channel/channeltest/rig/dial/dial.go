// Package dial opens the websockets of a rig. It stands alone since it needs a library, github.com/coder/websocket, which a plugin of which
// no test opens one does without.
package dial

import (
	"context"
	"net/http"

	"github.com/coder/websocket"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
)

// maxFrame is as large as the frames are that a test's server says, in bytes.
const maxFrame = 1 << 20

// Websocket opens a websocket, for Rig.Dial.
func Websocket(ctx context.Context, url string, header http.Header) (rig.Socket, error) {
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(maxFrame)
	return socket{conn}, nil
}

type socket struct{ conn *websocket.Conn }

func (s socket) Read(ctx context.Context) (data []byte, text bool, err error) {
	kind, data, err := s.conn.Read(ctx)
	return data, kind == websocket.MessageText, err
}

func (s socket) Write(ctx context.Context, data []byte, text bool) error {
	kind := websocket.MessageBinary
	if text {
		kind = websocket.MessageText
	}
	return s.conn.Write(ctx, kind, data)
}

func (s socket) Close() error { return s.conn.CloseNow() }

func (s socket) Code(err error) uint16 { return uint16(max(websocket.CloseStatus(err), 0)) }
