package system

import (
	"context"

	"github.com/hashicorp/go-hclog"
)

// Backups writes backups.
type Backups interface {
	// Backup writes all of the state into a new file. Without a passphrase only who has the credentials' key can open it.
	Backup(ctx context.Context, path, passphrase string) (BackedUp, error)
}

// BackupParams say where a backup goes.
type BackupParams struct {
	// Path is a file on the gateway's machine, absolute, that does not exist and is not in the state directory.
	Path string `json:"path" rpc:"required,min=1,max=4096"`
	// Passphrase opens the backup, on any machine. Without one the key of this gateway's credentials does.
	Passphrase string `json:"passphrase,omitempty" rpc:"min=1,max=1024"`
}

// BackedUp is a backup that was made.
type BackedUp struct {
	OK   bool   `json:"ok"`
	Path string `json:"path"`
	// MadeAt is the moment as of which everything is in it, in Unix milliseconds.
	MadeAt int64 `json:"madeAt"`
	// Files and Bytes count what is in it, Size is what it takes.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	Size  int64 `json:"size"`
	// OpensWith is what opens it: passphrase, vault-keyring, vault-passphrase or vault-file.
	OpensWith string `json:"opensWith"`
	// Skipped names what was left out since it is no plain file.
	Skipped []string `json:"skipped"`
}

type backup struct {
	backups Backups
	log     hclog.Logger
}

func (b backup) create(ctx context.Context, p BackupParams) (BackedUp, error) {
	done, err := b.backups.Backup(ctx, p.Path, p.Passphrase)
	if err == nil {
		b.log.Info("backup written", "path", done.Path, "files", done.Files, "bytes", done.Size)
	}
	return done, err
}
