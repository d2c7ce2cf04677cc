package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"path"
	"strings"
	"unicode"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// maxName bounds a file's name, in bytes.
const maxName = 255

// Put keeps data; it is Store for what is in memory already.
func (m *Store) Put(ctx context.Context, mime, name string, data []byte) (id string, err error) {
	return m.Store(ctx, wit.MediaInfo{Mime: mime, Name: &name}, bytes.NewReader(data))
}

// Store keeps all that body gives and returns its id. Of like, only Mime and Name are looked at; what the type is, TypeOf
// says. The same content again keeps the file for longer, and its first name.
//
// Errors: CodeTooLarge; CodeInvalid for nothing at all; CodeUnavailable when the disk or body refuses;
// CodeTimeout when ctx ends; the record store's.
func (m *Store) Store(ctx context.Context, like wit.MediaInfo, body io.Reader) (id string, err error) {
	name := ""
	if like.Name != nil {
		name = cleanName(*like.Name)
	}
	w, info, err := m.take(ctx, like.Mime, name, body)
	if err != nil {
		return "", err
	}
	defer w.discard()
	return info.ID, m.keep(ctx, w, info, func(store.Tx) error { return nil })
}

// take writes all that body gives, without a name yet. Errors: as for Store; of one that fails nothing is left.
func (m *Store) take(ctx context.Context, said, name string, body io.Reader) (w blob, info record, err error) {
	if w, err = m.blobs.create(ctx); err != nil {
		return nil, info, wit.Errorf(wit.CodeUnavailable, "media: a file cannot be written: %w", err)
	}
	most := m.Limits().MaxFile
	hash, head := sha256.New(), &head{}
	n, err := io.Copy(io.MultiWriter(w, hash, head), &bounded{ctx, io.LimitReader(body, most+1)})
	switch {
	case err != nil && wit.CodeOf(err) != wit.CodeInternal:
		err = wit.Errorf(wit.CodeOf(err), "media: %w", err)
	case err != nil:
		err = wit.Errorf(wit.CodeUnavailable, "media: a file cannot be written: %w", err)
	case n > most:
		err = wit.Errorf(wit.CodeTooLarge, "media: the file has more than %d bytes", most)
	case n == 0:
		err = wit.NewError(wit.CodeInvalid, "media: the file is empty")
	default:
		info = record{ID: hex.EncodeToString(hash.Sum(nil)), Size: n, Mime: TypeOf(said, head.b), Name: name}
		if err = w.seal(info.ID); err != nil {
			err = wit.Errorf(wit.CodeUnavailable, "media: a file cannot be written: %w", err)
		}
	}
	if err != nil {
		w.discard()
		return nil, record{}, err
	}
	return w, info, nil
}

// keep gives the bytes their name and then writes their record, with what else belongs to it.
// If the record fails, the bytes are orphans, or those of a record that was there before.
func (m *Store) keep(ctx context.Context, w blob, info record, also func(store.Tx) error) error {
	if err := m.name(ctx, w, info, also); err != nil {
		return err
	}
	m.makeRoom(ctx, info.ID)
	return m.turn(ctx, info.ID) // the other form may have been asked for since it was begun
}

func (m *Store) name(ctx context.Context, w blob, info record, also func(store.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := w.commit(info.ID); err != nil {
		return wit.Errorf(wit.CodeUnavailable, "media: a file cannot be written: %w", err)
	}
	return m.db.Update(ctx, func(tx store.Tx) error {
		kept := info
		old, err := infoTable.Get(tx, info.ID)
		fresh := wit.CodeOf(err) == wit.CodeNotFound
		switch {
		case err == nil:
			if kept = old; info.Of == "" {
				kept.Of = "" // it is somebody's own now
			}
		case !fresh && !store.Damaged(err):
			return err
		}
		if err := errors.Join(stamp(tx, kept), also(tx)); err != nil || !fresh {
			return err
		}
		return count(tx, 1, info.Size)
	})
}

// head remembers the beginning of a file.
type head struct{ b []byte }

func (h *head) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), headBytes-len(h.b))]...)
	return len(p), nil
}

// bounded ends with its context.
// Errors of the body get a code here, so that Store can tell them from those of the disk.
type bounded struct {
	ctx context.Context
	r   io.Reader
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, wit.Errorf(wit.CodeTimeout, "the file was not read to its end: %w", err)
	}
	n, err := b.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && wit.CodeOf(err) == wit.CodeInternal {
		err = wit.Errorf(wit.CodeUnavailable, "the file was not read to its end: %w", err)
	}
	return n, err
}

// cleanName takes folders and what cannot be shown out of a name.
// The name comes from strangers and ends up in file dialogs and in headers.
func cleanName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, name)
	for len(name) > maxName {
		r := []rune(name)
		name = string(r[:len(r)-1])
	}
	if name == "." || name == ".." || name == "/" {
		return ""
	}
	return name
}

// AtMost is a body that fails once more was read than fits, so that a part of a file is not taken for all of it. Its error has
// CodeTooLarge.
func AtMost(from io.Reader, most int64) io.Reader { return &atMost{from, most, most} }

type atMost struct {
	from       io.Reader
	most, left int64
}

func (r *atMost) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if r.left -= int64(n); r.left < 0 {
		return 0, wit.Errorf(wit.CodeTooLarge, "the file has more than %d bytes", r.most)
	}
	return n, err
}
