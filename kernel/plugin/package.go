package plugin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// maxCode bounds a file of code.
const maxCode = 64 << 20

const manifestFile = "plugin.json"

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

// Package is one plugin of a source.
type Package struct {
	// Folder is its name inside Root; the plugin's id has to be the same.
	Folder string
	// Path says where it is, to people.
	Path string
	// Root holds the folder. The entry's file is in the folder or beside it.
	Root fs.FS
	// Stock is set for what comes with the gateway.
	Stock bool
	// Fake stands in for files.
	Fake *Fake
}

// manifest reads plugin.json.
func (p *Package) manifest(gateway string) (*wit.Manifest, error) {
	if p.Fake != nil {
		return DecodeManifest(wit.Marshal(&p.Fake.Manifest), gateway)
	}
	data, err := p.read(path.Join(p.Folder, manifestFile), wit.ManifestMax)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, wit.NewError(wit.CodeInvalid, "the folder has no "+manifestFile+": every plugin needs one")
	}
	if err != nil {
		return nil, err
	}
	m, err := DecodeManifest(data, gateway)
	if err == nil && m.ID != p.Folder {
		return nil, wit.Errorf(wit.CodeInvalid, "plugin.json: id: %q is not the folder's name %q: make them the same", m.ID, p.Folder)
	}
	return m, err
}

// find returns the path of the entry's file and what is known of it.
func (p *Package) find(file string) (string, fs.FileInfo, error) {
	for _, name := range []string{path.Join(p.Folder, file), file} {
		info, err := fs.Stat(p.Root, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || !info.Mode().IsRegular() {
			return "", nil, wit.Errorf(wit.CodeInvalid, "entry: %s cannot be read: make it a plain file", file)
		}
		return name, info, nil
	}
	return "", nil, wit.Errorf(wit.CodeInvalid, "entry: there is no %s in the plugin's folder or the one above: build it, or correct the entry", file)
}

// fingerprint changes whenever the manifest or the code does.
func (p *Package) fingerprint(m *wit.Manifest) (string, error) {
	if p.Fake != nil {
		return fmt.Sprintf("fake %p", p.Fake), nil
	}
	own, err := fs.Stat(p.Root, path.Join(p.Folder, manifestFile))
	if err != nil {
		return "", wit.Errorf(wit.CodeUnavailable, "%s cannot be read: %w", manifestFile, err)
	}
	file, _ := entryOf(m)
	name, code, err := p.find(file)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s|%s|%s|%s", p.Path, stamp(own), name, stamp(code)), nil
}

func stamp(i fs.FileInfo) string { return fmt.Sprintf("%d@%d", i.Size(), i.ModTime().UnixNano()) }

// code reads the entry's file.
func (p *Package) code(m *wit.Manifest) ([]byte, error) {
	file, _ := entryOf(m)
	name, _, err := p.find(file)
	if err != nil {
		return nil, err
	}
	return p.read(name, maxCode)
}

func (p *Package) read(name string, limit int64) ([]byte, error) {
	info, err := fs.Stat(p.Root, name)
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, wit.Errorf(wit.CodeTooLarge, "%s has %d bytes, at most %d are read", path.Base(name), info.Size(), limit)
	}
	return fs.ReadFile(p.Root, name)
}

// Stock is the source of the plugins that come with the gateway: folders of files, with shared code
// beside them. It never changes.
func Stock(files fs.FS) Source { return stock{files} }

type stock struct{ files fs.FS }

func (stock) Name() string { return "built-in" }

func (s stock) Packages() ([]Package, error) {
	found, err := packagesIn(s.files, func(folder string) string { return "built-in:" + folder })
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
func Folder(dir string) Source { return folder{filepath.Clean(dir)} }

type folder struct{ dir string }

func (f folder) Name() string { return f.dir }

func (f folder) Packages() ([]Package, error) {
	if _, err := os.Stat(filepath.Join(f.dir, manifestFile)); err == nil {
		return []Package{{Folder: filepath.Base(f.dir), Path: f.dir, Root: os.DirFS(filepath.Dir(f.dir))}}, nil
	}
	return packagesIn(os.DirFS(f.dir), func(folder string) string { return filepath.Join(f.dir, folder) })
}

func packagesIn(root fs.FS, show func(folder string) string) ([]Package, error) {
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
		if info, err := fs.Stat(root, name); err != nil || !info.IsDir() {
			continue
		}
		if empty, err := fs.ReadDir(root, name); err == nil && len(empty) == 0 {
			continue
		}
		found = append(found, Package{Folder: name, Path: show(name), Root: root})
	}
	return found, nil
}
