package system

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/rpc"
)

// Encryption is whether what the gateway keeps is sealed.
type Encryption interface {
	Status(context.Context) (EncryptionStatus, error)
	// Set returns when all of it is, or is not any more. It goes on when ctx ends.
	Set(ctx context.Context, on bool) error
}

// EncryptionStatus says whether what the gateway keeps is sealed.
type EncryptionStatus struct {
	Enabled bool `json:"enabled"`
	// Changing says that a change is under way: some records are sealed and others not yet, or not any more.
	Changing bool `json:"changing"`
}

// SetEncryption turns it on or off.
type SetEncryption struct {
	Enabled bool `json:"enabled" rpc:"required"`
}

type encryption struct{ form Encryption }

func (e encryption) status(ctx context.Context, _ rpc.None) (EncryptionStatus, error) {
	return e.form.Status(ctx)
}

func (e encryption) set(ctx context.Context, p SetEncryption) (EncryptionStatus, error) {
	if err := e.form.Set(ctx, p.Enabled); err != nil {
		return EncryptionStatus{}, err
	}
	return e.form.Status(ctx)
}
