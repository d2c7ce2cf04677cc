// Package backup writes a gateway's state into one file and reads it back.
//
// The file begins with a line that says what it is and one that says how it is opened; the rest is a sealed stream (see
// package sealed) of a compressed tar archive: a manifest first, then the database, then all other files. So whatever is
// changed in it, cut off or put in is noticed, and nobody reads it without the key. Both directions need memory for one
// piece, however large the state is.
//
// The package knows files and nothing of what is in them.
package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/sealed"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	magic = "carapace backup 1\n"
	// manifestName is the archive's first entry.
	manifestName = "manifest.json"
	// maxHead bounds the line that says how a file is opened, and maxManifest the manifest, in bytes.
	maxHead     = 64 << 10
	maxManifest = 1 << 20
	maxFiles    = 1 << 20
)

// Head is what can be read without the key. Lock is whoever's makes the file, and opens it.
type Head struct {
	// Made is when, in Unix milliseconds, and Version by which gateway.
	Made    int64           `json:"made"`
	Version string          `json:"version"`
	Lock    json.RawMessage `json:"lock"`
}

// Manifest is what is sealed beside the files.
type Manifest struct {
	// Vault is the key of the credentials.
	Vault []byte `json:"vault"`
}

// Summary counts what a file has.
type Summary struct {
	// Files and Bytes count the files and what they hold.
	Files int
	Bytes int64
	// Skipped names what was left out since it is no plain file, or was gone before it was read.
	Skipped []string
}

// Tree is what is written: files by their names in the archive, with slashes.
type Tree struct {
	// First are files elsewhere, written first, in order.
	First []Place
	// Dir is a folder of which all files are written, but those that Leave names. Links are not followed.
	Dir   string
	Leave func(name string) bool
}

// Place is where a file of the archive is.
type Place struct{ Name, Path string }

// Write writes a file. Errors: CodeUnavailable for what cannot be read; those of to; CodeTimeout when ctx has ended.
func Write(ctx context.Context, to io.Writer, head Head, key []byte, m Manifest, t Tree) (s Summary, err error) {
	line, err := json.Marshal(head)
	if err != nil {
		return s, wit.Errorf(wit.CodeInternal, "backup: %w", err)
	}
	begin := magic + string(line) + "\n"
	if _, err := io.WriteString(to, begin); err != nil {
		return s, err
	}
	box, err := sealed.NewWriter(to, key, begin)
	if err != nil {
		return s, err
	}
	packed, err := gzip.NewWriterLevel(box, gzip.BestSpeed)
	if err != nil {
		return s, wit.Errorf(wit.CodeInternal, "backup: %w", err)
	}
	w := &writer{ctx: ctx, tar: tar.NewWriter(packed)}
	if err := w.all(m, t); err != nil {
		return w.Summary, err
	}
	return w.Summary, errors.Join(w.tar.Close(), packed.Close(), box.Close())
}

// writer writes the archive.
type writer struct {
	Summary
	ctx context.Context
	tar *tar.Writer
}

func (w *writer) all(m Manifest, t Tree) error {
	text, err := json.Marshal(m)
	if err != nil {
		return wit.Errorf(wit.CodeInternal, "backup: %w", err)
	}
	if err := w.tar.WriteHeader(&tar.Header{Name: manifestName, Mode: 0o600, Size: int64(len(text)), Format: tar.FormatPAX}); err != nil {
		return err
	}
	if _, err := w.tar.Write(text); err != nil {
		return err
	}
	for _, p := range t.First {
		if err := w.file(p.Name, p.Path); err != nil {
			return err
		}
	}
	return filepath.WalkDir(t.Dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(t.Dir, path)
		name = filepath.ToSlash(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // it was there a moment ago
			w.Skipped = append(w.Skipped, name)
			return nil
		case err != nil:
			return wit.Errorf(wit.CodeUnavailable, "backup: %s cannot be read: %w", path, err)
		case name == ".":
			return nil
		case t.Leave(name) && d.IsDir():
			return fs.SkipDir
		case t.Leave(name) || d.IsDir():
			return nil
		case !d.Type().IsRegular():
			w.Skipped = append(w.Skipped, name)
			return nil
		}
		return w.file(name, path)
	})
}

// file writes one file, as long as it is when it is opened. One that grows is cut there.
func (w *writer) file(name, path string) error {
	if err := w.ctx.Err(); err != nil {
		return wit.Errorf(wit.CodeTimeout, "backup: it was left: %w", err)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		w.Skipped = append(w.Skipped, name)
		return nil
	}
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "backup: %s cannot be read: %w", path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "backup: %s cannot be read: %w", path, err)
	}
	h := &tar.Header{Name: name, Mode: int64(info.Mode().Perm() & 0o700), Size: info.Size(), ModTime: info.ModTime(), Format: tar.FormatPAX}
	if err := w.tar.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.CopyN(w.tar, f, info.Size())
	if errors.Is(err, io.EOF) {
		return wit.Errorf(wit.CodeUnavailable, "backup: %s was cut off while it was read: try again", path)
	}
	w.Files, w.Bytes = w.Files+1, w.Bytes+n
	return err
}

// Archive is a file that is read.
type Archive struct {
	Head
	begin string
	from  io.ReadSeeker
	rest  int64 // where the sealed stream begins
}

// Open reads what can be read without the key. Errors: CodeInvalid for what is no backup.
func Open(from io.ReadSeeker) (*Archive, error) {
	r := bufio.NewReader(io.LimitReader(from, maxHead))
	first, err := r.ReadString('\n')
	if err != nil || first != magic {
		return nil, wit.NewError(wit.CodeInvalid, "this is no backup of carapace, or one of a newer version: name the file that `carapace backup` made")
	}
	line, err := r.ReadBytes('\n')
	a := &Archive{begin: first + string(line), from: from, rest: int64(len(first) + len(line))}
	if err != nil || json.Unmarshal(line, &a.Head) != nil {
		return nil, wit.NewError(wit.CodeInvalid, "the backup's first lines are damaged: take another one")
	}
	return a, nil
}

// Verify reads all of the file and returns what is in it. Errors: CodeInvalid for a file that was changed or is damaged, or
// another's key; CodeTimeout.
func (a *Archive) Verify(ctx context.Context, key []byte) (Summary, Manifest, error) {
	return a.read(ctx, key, func(*tar.Header, io.Reader) error { return nil })
}

// Extract writes the files below a folder, for their owner only. It is called for what Verify has found to be whole. Errors:
// those of Verify; CodeUnavailable when the folder cannot be written.
func (a *Archive) Extract(ctx context.Context, key []byte, dir string) (Summary, Manifest, error) {
	return a.read(ctx, key, func(h *tar.Header, r io.Reader) error {
		if err := extract(filepath.Join(dir, filepath.FromSlash(h.Name)), h, r); err != nil {
			return wit.Errorf(wit.CodeUnavailable, "backup: %s cannot be written: %w", h.Name, err)
		}
		return nil
	})
}

func extract(to string, h *tar.Header, r io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(h.Mode)&0o700|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Chtimes(to, time.Time{}, h.ModTime)
}

// read goes through the archive. What take does not read is read all the same, so that nothing goes unseen.
func (a *Archive) read(ctx context.Context, key []byte, take func(*tar.Header, io.Reader) error) (s Summary, m Manifest, err error) {
	if _, err := a.from.Seek(a.rest, io.SeekStart); err != nil {
		return s, m, wit.Errorf(wit.CodeUnavailable, "backup: %w", err)
	}
	box, err := sealed.NewReader(bufio.NewReaderSize(a.from, 128<<10), key, a.begin)
	if err != nil {
		return s, m, err
	}
	packed, err := gzip.NewReader(box)
	if err != nil {
		return s, m, damaged(err)
	}
	files := tar.NewReader(packed)
	if m, err = manifest(files); err != nil {
		return s, m, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return s, m, wit.Errorf(wit.CodeTimeout, "backup: it was left: %w", err)
		}
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return s, m, damaged(err)
		}
		if !sound(h) || s.Files == maxFiles {
			return s, m, wit.Errorf(wit.CodeInvalid, "backup: %.100q is no file of a state: the backup was not made by carapace", h.Name)
		}
		n := &counter{r: files}
		if err := take(h, n); err != nil {
			return s, m, err
		}
		if _, err := io.Copy(io.Discard, n); err != nil {
			return s, m, damaged(err)
		}
		s.Files, s.Bytes = s.Files+1, s.Bytes+n.n
	}
	if _, err := io.Copy(io.Discard, packed); err != nil { // to the end of the stream, which alone says that nothing is missing
		return s, m, damaged(err)
	}
	if _, err := io.Copy(io.Discard, box); err != nil {
		return s, m, damaged(err)
	}
	return s, m, nil
}

func manifest(files *tar.Reader) (m Manifest, err error) {
	h, err := files.Next()
	if err != nil {
		return m, damaged(err)
	}
	text, err := io.ReadAll(io.LimitReader(files, maxManifest))
	if err != nil {
		return m, damaged(err)
	}
	if h.Name != manifestName || json.Unmarshal(bytes.TrimSpace(text), &m) != nil {
		return m, wit.NewError(wit.CodeInvalid, "the backup has no manifest: it is of a newer carapace")
	}
	return m, nil
}

// sound reports whether an entry can be extracted: a plain file whose name leads nowhere else.
func sound(h *tar.Header) bool {
	return h.Typeflag == tar.TypeReg && filepath.IsLocal(filepath.FromSlash(h.Name)) && path.Clean(h.Name) == h.Name && !strings.Contains(h.Name, `\`)
}

// damaged gives an error of the archive its code, unless it has one.
func damaged(err error) error {
	if own := (*wit.Error)(nil); errors.As(err, &own) {
		return err
	}
	return wit.Errorf(wit.CodeInvalid, "the backup is damaged: take another one: %w", err)
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
