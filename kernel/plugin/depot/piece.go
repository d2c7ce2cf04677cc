package depot

import (
	"context"
	"fmt"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// The store's records are not large enough for every archive, so it is cut into pieces.
const (
	archives  = "plugin.archive"
	pieceSize = 4 << 20
)

func pieces(size int) int { return (size + pieceSize - 1) / pieceSize }

func pieceKey(id string, v Version, n int) string { return fmt.Sprintf("%s/%s/%03d", id, v.Digest, n) }

func putArchive(tx store.Tx, id string, v Version, data []byte) error {
	for n := range v.Pieces {
		if err := tx.Put(archives, pieceKey(id, v, n), data[n*pieceSize:min(len(data), (n+1)*pieceSize)]); err != nil {
			return err
		}
	}
	return nil
}

func deleteArchive(tx store.Tx, id string, v Version) error {
	for n := range v.Pieces {
		if err := tx.Delete(archives, pieceKey(id, v, n)); err != nil {
			return err
		}
	}
	return nil
}

// Archive returns a version's archive as it was installed. Errors: CodeNotFound, and the store's.
func (d *Depot) Archive(ctx context.Context, id, digest string) ([]byte, error) {
	p, _ := d.Of(id)
	v := p.Find(digest)
	if v == nil {
		return nil, wit.Errorf(wit.CodeNotFound, "no version of plugin %s with this digest is kept", id)
	}
	var data []byte
	err := d.db.View(ctx, func(tx store.Tx) error {
		for n := range v.Pieces {
			piece, err := tx.Get(archives, pieceKey(id, *v, n))
			if err != nil {
				return err
			}
			data = append(data, piece...)
		}
		return nil
	})
	return data, err
}

// read reads a version's archive, and refuses one that is not what was installed. Errors: CodeUnavailable.
func (d *Depot) read(id string, v Version) (*archive.Package, error) {
	data, err := d.Archive(context.Background(), id, v.Digest)
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "plugin %s %s cannot be read from the store: %w", id, v.Version, err)
	}
	p, err := archive.Read(data)
	if err == nil && p.Digest() != v.Digest {
		err = fmt.Errorf("it is %s and was %s", p.Digest(), strings.TrimSpace(v.Digest))
	}
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "plugin %s %s is damaged in the store, install it again: %w", id, v.Version, err)
	}
	return p, nil
}
