package kernel

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/sealed"
	"github.com/carapace-gateway/carapace/kernel/service/session/archive"
	"github.com/carapace-gateway/carapace/wit"
)

// archiveMagic begins a sealed file of the archive. What compressed JSON lines begin with is another byte.
const archiveMagic = "carapace archive 1\n"

// archiveKey is the purpose of the key of sealed files in the archive.
const archiveKey = "archive"

// sealedArchive seals the files of the archive while what is kept is sealed. Each is bound to its name.
type sealedArchive struct {
	archive.Folder
	dir  string
	key  []byte
	form *sealing

	mu sync.Mutex // for all that changes files: what is removed is not written again, and each has the form of its time
}

// Write implements archive.Folder.
func (a *sealedArchive) Write(name string, data []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.write(name, data)
}

func (a *sealedArchive) write(name string, data []byte) error {
	sealed, err := a.form.closed(context.Background())
	if err != nil {
		return err
	}
	if sealed {
		if data, err = a.seal(name, data); err != nil {
			return err
		}
	}
	return a.Folder.Write(name, data)
}

// Remove implements archive.Folder.
func (a *sealedArchive) Remove(name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.Folder.Remove(name)
}

func (a *sealedArchive) seal(name string, data []byte) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(archiveMagic)
	w, err := sealed.NewWriter(&out, a.key, archiveMagic+name)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(data)
	err = errors.Join(err, w.Close()) // which writes the last piece
	return out.Bytes(), err
}

// Read implements archive.Folder. Once all is sealed, a file that is not was put there by somebody else.
func (a *sealedArchive) Read(name string) ([]byte, error) {
	data, err := a.Folder.Read(name)
	if err != nil {
		return nil, err
	}
	box, sealed := bytes.CutPrefix(data, []byte(archiveMagic))
	if sealed {
		return a.open(name, box)
	}
	status, err := a.form.Status(context.Background())
	if err == nil && status.Enabled && !status.Changing {
		err = wit.Errorf(wit.CodeInvalid, "the file %s of the archive is not encrypted, and all that is kept is: restore it from a backup", name)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

func (a *sealedArchive) open(name string, box []byte) ([]byte, error) {
	r, err := sealed.NewReader(bytes.NewReader(box), a.key, archiveMagic+name)
	var data []byte
	if err == nil {
		data, err = io.ReadAll(r)
	}
	if err != nil {
		return nil, wit.Errorf(wit.CodeOf(err), "the file %s of the archive: %w", name, err)
	}
	return data, nil
}

// convert writes all files in the form that is in force now. One that cannot be read stays as it is.
func (a *sealedArchive) convert(ctx context.Context) error {
	entries, err := a.list()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		if ctx.Err() != nil {
			return wit.Errorf(wit.CodeTimeout, "the files of the archive were not all converted: %w", ctx.Err())
		}
		if strings.HasSuffix(e.Name(), ".jsonl.gz") {
			errs = append(errs, a.turn(e.Name()))
		}
	}
	return errors.Join(errs...)
}

// list waits for who still writes one in the form before.
func (a *sealedArchive) list() ([]fs.DirEntry, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return os.ReadDir(a.dir)
}

func (a *sealedArchive) turn(name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	data, err := a.Read(name)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil
	}
	if err == nil {
		err = a.write(name, data)
	}
	return err
}
