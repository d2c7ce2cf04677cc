package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
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

// Store keeps all that body gives and returns its id. Of like, only Mime and Name are looked at; Mime is
// found by the content where it is empty or says nothing. The same content again keeps the file for
// longer, and its first name.
//
// Errors: CodeTooLarge; CodeInvalid for nothing at all; CodeUnavailable when the disk or body refuses;
// CodeTimeout when ctx ends; the record store's.
func (m *Store) Store(ctx context.Context, like wit.MediaInfo, body io.Reader) (id string, err error) {
	w, err := m.blobs.create()
	if err != nil {
		return "", wit.Errorf(wit.CodeUnavailable, "media: a file cannot be written: %w", err)
	}
	defer w.discard()
	hash, head := sha256.New(), &head{}
	n, err := io.Copy(io.MultiWriter(w, hash, head), &bounded{ctx, io.LimitReader(body, m.limits.MaxFile+1)})
	switch {
	case err != nil && wit.CodeOf(err) != wit.CodeInternal:
		return "", wit.Errorf(wit.CodeOf(err), "media: %w", err)
	case err != nil:
		return "", wit.Errorf(wit.CodeUnavailable, "media: a file cannot be written: %w", err)
	case n > m.limits.MaxFile:
		return "", wit.Errorf(wit.CodeTooLarge, "media: the file has more than %d bytes", m.limits.MaxFile)
	case n == 0:
		return "", wit.NewError(wit.CodeInvalid, "media: the file is empty")
	}
	info := record{ID: hex.EncodeToString(hash.Sum(nil)), Size: n, Mime: mimeOf(like.Mime, head.b)}
	if like.Name != nil {
		info.Name = cleanName(*like.Name)
	}
	return info.ID, m.keep(ctx, w, info)
}

// keep gives the bytes their name and then writes their record.
// If the record fails, the bytes are orphans, or those of a record that was there before.
func (m *Store) keep(ctx context.Context, w blob, info record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := w.commit(info.ID); err != nil {
		return wit.Errorf(wit.CodeUnavailable, "media: a file cannot be written: %w", err)
	}
	fresh := false
	err := m.db.Update(ctx, func(tx store.Tx) error {
		old, err := infoTable.Get(tx, info.ID)
		if fresh = wit.CodeOf(err) == wit.CodeNotFound; err == nil {
			info = old
		} else if !fresh {
			return err
		}
		m.stamp(&info)
		return infoTable.Put(tx, info.ID, info)
	})
	if err != nil {
		return err
	}
	if fresh {
		m.total += info.Size
	}
	m.makeRoom(ctx, info.ID)
	return nil
}

// head remembers the beginning of a file.
type head struct{ b []byte }

func (h *head) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), 512-len(h.b))]...)
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

// mimeOf trusts what is said where it says something that text could not hide.
// Content is looked at only otherwise, since platforms know formats that it cannot be told from.
func mimeOf(said string, content []byte) string {
	said = strings.TrimSpace(strings.ToLower(said))
	printable := strings.IndexFunc(said, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) }) < 0
	if said == "" || said == "application/octet-stream" || !strings.Contains(said, "/") || !printable || len(said) > maxName {
		return http.DetectContentType(content)
	}
	return said
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
