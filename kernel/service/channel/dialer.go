package channel

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// Dialer opens connections for plugins, under their `http` permission and with credentials filled in.
// They outlive an upgrade of the plugin.
type Dialer interface {
	// Dial opens a connection that ends with ctx. CodeInvalid, CodeForbidden, CodeNotFound and
	// CodeTooLarge say that the owner or the plugin has to change something first.
	Dial(ctx context.Context, channel, account string, o wit.OpenConnection) (Conn, error)
}

// Conn is an open connection. One Read and one Write may run at the same time.
type Conn interface {
	// Read returns the next frame; its error ends the connection, a *ClosedError says how.
	Read() (wit.Frame, error)
	// Write sends a frame, and fills credentials in where it asks for them. Its error ends the connection.
	Write(f wit.Frame) error
	// Secure goes on encrypted, while neither Read nor Write runs. Its error ends the connection.
	Secure() error
	// Close makes a Read or Write that waits return.
	Close() error
}

// ClosedError is how the peer closed.
type ClosedError struct{ wit.Closed }

func (e *ClosedError) Error() string { return "closed by the peer: " + e.Reason }

// noDialer is the Dialer of a gateway that has none.
type noDialer struct{}

func (noDialer) Dial(context.Context, string, string, wit.OpenConnection) (Conn, error) {
	return nil, wit.NewError(wit.CodeForbidden, "this gateway does not open connections: use requests or a webhook")
}
