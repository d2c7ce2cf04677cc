package delivery

import "context"

// Media keeps files that clients send along.
type Media interface {
	// Put keeps data and returns its reference.
	Put(ctx context.Context, mime, name string, data []byte) (string, error)
}
