// Package builtin carries the built-in plugins inside the gateway's binary: a folder with plugin.json for
// each, and bundles that hold the code of several: popular.wasm of those that most gateways use, more.wasm of
// the others, so that who uses none of these does not load them. They are ordinary plugins, with ordinary
// permissions, and each can be replaced by a plugin of the same id.
//
// `make plugins` builds the bundles. A binary that was built without them still lists the plugins; loading
// one then fails because its bundle is not there.
package builtin

import (
	"embed"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

//go:embed */plugin.json dist
var embedded embed.FS

const built = "dist" // where make puts the bundles

// bundles are the files in which the code is.
var bundles = []string{"more.wasm", "popular.wasm"}

// FS returns the built-in plugins: <id>/plugin.json, and the bundles where they were built, with what the build knows of each. It may
// be used concurrently.
func FS() fs.FS { return plugins{} }

// Seed returns the compilation of the bundles that the build made, for the engine's cache; it is empty in
// a binary that was built without it. It may be used concurrently.
func Seed() fs.FS {
	seed, err := fs.Sub(embedded, built+"/seed")
	if err != nil {
		return embed.FS{}
	}
	return seed
}

// plugins is the embedded tree with the bundles in its root.
type plugins struct{}

func (plugins) Open(name string) (fs.File, error) {
	switch {
	case slices.Contains(bundles, strings.TrimSuffix(name, ".json")):
		return embedded.Open(built + "/" + name)
	case name == ".":
		entries, err := plugins{}.ReadDir(".")
		return &root{entries: entries}, err
	case !fs.ValidPath(name), name == built, len(name) > len(built) && name[:len(built)+1] == built+"/":
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return embedded.Open(name)
}

func (plugins) ReadDir(name string) ([]fs.DirEntry, error) {
	if name != "." {
		return embedded.ReadDir(name)
	}
	entries, err := embedded.ReadDir(".")
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == built })
	for _, bundle := range bundles {
		if info, err := fs.Stat(embedded, built+"/"+bundle); err == nil {
			entries = append(entries, fs.FileInfoToDirEntry(info))
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// root is the opened top folder.
type root struct {
	entries []fs.DirEntry
	read    int
}

func (r *root) Stat() (fs.FileInfo, error) { return rootInfo{}, nil }
func (r *root) Close() error               { return nil }

func (r *root) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: ".", Err: fs.ErrInvalid}
}

func (r *root) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := r.entries[r.read:]
	if n > 0 && len(rest) == 0 {
		return nil, io.EOF
	}
	if n > 0 && n < len(rest) {
		rest = rest[:n]
	}
	r.read += len(rest)
	return slices.Clone(rest), nil
}

type rootInfo struct{}

func (rootInfo) Name() string       { return "." }
func (rootInfo) Size() int64        { return 0 }
func (rootInfo) Mode() fs.FileMode  { return fs.ModeDir | 0o555 }
func (rootInfo) ModTime() time.Time { return time.Time{} }
func (rootInfo) IsDir() bool        { return true }
func (rootInfo) Sys() any           { return nil }
