package source

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/plugin/archive"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/wit"
)

// Source is a place where packages are.
type Source interface {
	// Name says where, to people.
	Name() string
	// Packages lists what is there now. It is cheap: nothing but folders is read. A place that does
	// not exist has no packages.
	Packages() ([]Package, error)
	// Watch calls changed after anything may have changed, until ctx ends. changed returns at once.
	Watch(ctx context.Context, changed func()) error
}

// Stock is the source of the plugins that come with the gateway: folders of files, with shared code
// beside them. It never changes.
func Stock(files fs.FS) Source { return stock{files} }

type stock struct{ files fs.FS }

func (stock) Name() string { return "built-in" }

func (s stock) Packages() ([]Package, error) {
	found, err := packagesIn(s.files, false, func(folder string) string { return "built-in:" + folder })
	for i := range found {
		found[i].Stock = true
	}
	return found, err
}

func (stock) Watch(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return nil
}

// Folder is the source of the plugins in a folder of the owner's, one in each folder inside it; a folder
// that itself has a plugin.json is a plugin. It is watched, also while it does not exist yet.
func Folder(dir string) Source { return folder{dir: filepath.Clean(dir)} }

// Inbox is Folder for one in which everything is meant to be a plugin: a script or an archive that lies there by itself is listed as
// one that fails, or nobody would be told why it does not run.
func Inbox(dir string) Source { return folder{filepath.Clean(dir), true} }

type folder struct {
	dir   string
	inbox bool
}

func (f folder) Name() string { return f.dir }

func (f folder) Packages() ([]Package, error) {
	if _, err := os.Stat(filepath.Join(f.dir, manifestFile)); err == nil {
		return []Package{{Folder: filepath.Base(f.dir), Path: f.dir, Root: file.Dir(filepath.Dir(f.dir))}}, nil
	}
	return packagesIn(file.Dir(f.dir), f.inbox, func(folder string) string { return filepath.Join(f.dir, folder) })
}

// packagesIn lists the folders that have something in them, and with inbox the files that somebody may take for a plugin. A file of
// WebAssembly is none: it may be the code of the folders beside it.
func packagesIn(root fs.FS, inbox bool, show func(folder string) string) ([]Package, error) {
	entries, err := fs.ReadDir(root, ".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "plugins cannot be listed: %w", err)
	}
	var found []Package
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
			continue
		}
		info, err := fs.Stat(root, name)
		if err != nil || !info.IsDir() && !(inbox && (script.IsEntry(name) || path.Ext(name) == archive.Extension)) {
			continue
		}
		if empty, err := fs.ReadDir(root, name); err == nil && len(empty) == 0 {
			continue
		}
		found = append(found, Package{Folder: name, Path: show(name), Root: root})
	}
	return found, nil
}
