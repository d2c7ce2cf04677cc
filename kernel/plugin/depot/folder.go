package depot

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
)

// folder is a version as a file system, in which its files are in a folder of the plugin's id. Its files have a time that stands
// for the version's digest, so that another version's are never taken for the same.
type folder struct {
	id   string
	v    Version
	time time.Time
	read func() (*archive.Package, error)
}

func newFolder(id string, v Version, read func() (*archive.Package, error)) folder {
	sum, _ := hex.DecodeString(strings.TrimPrefix(v.Digest, "sha256:")) // which we wrote
	stamp := binary.BigEndian.Uint64(append(sum, make([]byte, 8)...)) >> 1
	return folder{id: id, v: v, time: time.Unix(0, int64(stamp)), read: read}
}

// Open implements fs.FS. The manifest is at hand, and other files are read from the archive.
func (f folder) Open(name string) (fs.File, error) {
	info, err := f.info("open", name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid} // nobody lists it
	}
	data := f.v.Manifest
	if name != path.Join(f.id, archive.ManifestFile) {
		p, err := f.read()
		if err != nil {
			return nil, err
		}
		data = p.Files[strings.TrimPrefix(name, f.id+"/")]
	}
	return &open{entry: info, Reader: bytes.NewReader(data)}, nil
}

// Stat implements fs.StatFS, without reading an archive.
func (f folder) Stat(name string) (fs.FileInfo, error) { return f.info("stat", name) }

// info is what there is of a name: the folder itself, or one of its files.
func (f folder) info(op, name string) (entry, error) {
	if name == f.id {
		return entry{name: f.id, time: f.time, folder: true}, nil
	}
	own, in := strings.CutPrefix(name, f.id+"/")
	size, there := f.v.Sizes[own]
	if !in || !there {
		return entry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return entry{name: path.Base(own), size: size, time: f.time}, nil
}

// entry is a file or the folder.
type entry struct {
	name   string
	size   int64
	time   time.Time
	folder bool
}

func (e entry) Name() string       { return e.name }
func (e entry) Size() int64        { return e.size }
func (e entry) ModTime() time.Time { return e.time }
func (e entry) IsDir() bool        { return e.folder }
func (e entry) Sys() any           { return nil }

func (e entry) Mode() fs.FileMode {
	if e.folder {
		return fs.ModeDir | 0o500
	}
	return 0o400
}

// open is a file that is read.
type open struct {
	entry
	*bytes.Reader
}

func (o *open) Stat() (fs.FileInfo, error) { return o.entry, nil }
func (o *open) Size() int64                { return o.entry.size }
func (o *open) Close() error               { return nil }
