package media

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/sealed"
	"github.com/carapace-gateway/carapace/wit"
)

// sealedSuffix ends the names of sealed files.
const sealedSuffix = ".sealed"

// A sealed file is two streams. The first holds the key of the second and is bound to the file's id, which is known only when
// all of the second is written; so neither can be put in another file's place.
const (
	headBond = "carapace media head 1\x00"
	bodyBond = "carapace media body 1"
)

// headSize is the length of the first stream.
var headSize = sealed.Size(sealed.KeySize)

// errPlain is for a file that is to be sealed and is not: it has to be compared with its id, and sealed, before it is read.
var errPlain = errors.New("the file is not sealed yet")

// errChanged is for a file that is not what was put.
func errChanged(id string, err error) error {
	return wit.Errorf(wit.CodeInvalid, "media: the file %s was changed on the disk or is damaged: restore it from a backup, or delete it: %w", id, err)
}

// seal says whether files are to be sealed, and has the key.
type seal struct {
	key []byte
	ask func(context.Context) (bool, error)
}

func (s seal) sealed(ctx context.Context) (bool, error) {
	if s.ask == nil {
		return false, nil
	}
	return s.ask(ctx)
}

// sealedBlob is a fileBlob whose bytes are sealed before they are written.
type sealedBlob struct {
	*fileBlob
	key  []byte // of this file
	body *sealed.Writer
}

func newSealedBlob(b *fileBlob) (*sealedBlob, error) {
	key := make([]byte, sealed.KeySize)
	_, _ = rand.Read(key) // it never fails
	if _, err := b.file.Seek(headSize, io.SeekStart); err != nil {
		return nil, err
	}
	body, err := sealed.NewWriter(b.file, key, bodyBond)
	return &sealedBlob{b, key, body}, err
}

func (b *sealedBlob) Write(p []byte) (int, error) { return b.body.Write(p) }

func (b *sealedBlob) seal(id string) error {
	var head bytes.Buffer
	w, err := sealed.NewWriter(&head, b.folder.key, headBond+id)
	if err == nil {
		_, err = w.Write(b.key)
		err = errors.Join(err, w.Close(), b.body.Close())
	}
	if err == nil {
		_, err = b.file.WriteAt(head.Bytes(), 0)
	}
	if err != nil {
		return err
	}
	return b.fileBlob.seal(id)
}

func (b *sealedBlob) commit(id string) error { return b.rename(b.path(id)+sealedSuffix, b.path(id)) }

// sealedFile is a sealed file that is read.
type sealedFile struct {
	*sealed.Section
	file *os.File
	id   string
	log  hclog.Logger
}

// openSealed fails with fs.ErrNotExist where a file is not there, or not sealed.
func (f *folder) openSealed(id string) (io.ReadSeekCloser, error) {
	file, err := os.Open(f.path(id) + sealedSuffix)
	if err != nil {
		return nil, err
	}
	body, err := f.section(file, id)
	if err != nil {
		if wit.CodeOf(err) == wit.CodeInvalid {
			err = errChanged(id, err)
			f.log.Error("a file was refused", "error", err)
		}
		return nil, errors.Join(err, file.Close())
	}
	return &sealedFile{body, file, id, f.log}, nil
}

func (f *folder) section(file *os.File, id string) (*sealed.Section, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	head, err := sealed.NewReader(io.NewSectionReader(file, 0, headSize), f.key, headBond+id)
	if err != nil {
		return nil, err
	}
	key, err := io.ReadAll(head)
	if err != nil {
		return nil, err
	}
	length := info.Size() - headSize
	return sealed.NewSection(io.NewSectionReader(file, headSize, length), length, key, bodyBond)
}

// Read logs what was changed, since whoever answers a request with it can only break off by then.
func (s *sealedFile) Read(p []byte) (int, error) {
	n, err := s.Section.Read(p)
	if err != nil && wit.CodeOf(err) == wit.CodeInvalid {
		err = errChanged(s.id, err)
		s.log.Error("a file was refused", "error", err)
	}
	return n, err
}

func (s *sealedFile) Close() error { return s.file.Close() }

// turned implements blobs. What is in the other form is compared with its id, so that nobody has something sealed that was
// never put.
func (f *folder) turned(ctx context.Context, id string) (blob, error) {
	sealed, err := f.sealed(ctx)
	if err != nil {
		return nil, err
	}
	from, err := f.other(id, sealed)
	if err != nil || from == nil {
		return nil, err
	}
	defer from.Close()
	w, err := f.make(sealed)
	if err != nil {
		return nil, err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(w, hash), &bounded{ctx, from})
	if sum := hex.EncodeToString(hash.Sum(nil)); err == nil && sum != id {
		err = errChanged(id, errors.New("its content does not belong to its id"))
	}
	if err == nil {
		err = w.seal(id)
	}
	if err != nil {
		w.discard()
		return nil, err
	}
	return w, nil
}

// other opens what is not in the form that it is to have, or returns nil. Of what is there twice the sealed one counts, and a
// plain one beside it goes.
func (f *folder) other(id string, sealed bool) (r io.ReadCloser, err error) {
	switch {
	case !sealed:
		r, err = f.openSealed(id)
	case there(f.path(id) + sealedSuffix):
		return nil, removed(f.path(id))
	default:
		var file *os.File
		if file, err = os.Open(f.path(id)); err == nil {
			return file, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return r, err
}
