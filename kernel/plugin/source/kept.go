package source

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/wit"
)

// Kept is the source of the builds that have worked: a copy of each plugin of the owner's as it ran last. It is what runs
// after a restart where the files have become something that may not run, or cannot. Only one goroutine may change it.
type Kept struct{ dir string }

// Keep returns the source of what is kept in a folder.
func Keep(dir string) *Kept { return &Kept{filepath.Clean(dir)} }

// Name implements Source.
func (k *Kept) Name() string { return k.dir }

// Packages implements Source.
func (k *Kept) Packages() ([]Package, error) {
	found, err := packagesIn(file.Dir(k.dir), false, func(folder string) string { return filepath.Join(k.dir, folder) })
	for i := range found {
		found[i].Kept = true
	}
	return found, err
}

// Watch implements Source: what is kept changes by Put and Remove only.
func (k *Kept) Watch(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return nil
}

// Put keeps a package as it is now, in the place of an earlier one of the same name. code is the name of its code, and
// match reports whether what was read is what is meant, since files may have changed meanwhile: if it is not, nothing
// changes, nor if what is kept is what is meant. Packages with an engine of their own have no files to be kept, and what is installed is.
func (k *Kept) Put(p Package, code string, match func(manifest, code []byte) bool) error {
	if p.Engine != nil || p.Kept || p.Stock || p.Digest != "" {
		return nil
	}
	before := Package{Folder: p.Folder, Root: file.Dir(k.dir)}
	if manifest, wasm, err := before.both(code); err == nil && match(manifest, wasm) {
		return nil
	}
	manifest, wasm, err := p.both(code)
	if err != nil || !match(manifest, wasm) {
		return err
	}
	next := filepath.Join(k.dir, "."+p.Folder)
	err = errors.Join(
		os.RemoveAll(next),
		os.MkdirAll(next, 0o700),
		writeCode(next, code, wasm),
		os.WriteFile(filepath.Join(next, manifestFile), manifest, 0o600),
	)
	if err == nil {
		err = errors.Join(k.Remove(p.Folder), os.Rename(next, filepath.Join(k.dir, p.Folder)))
	}
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "plugin %s is not kept for a restart: %w", p.Folder, err)
	}
	return nil
}

// both reads a package's manifest and code.
func (p *Package) both(code string) (manifest, wasm []byte, err error) {
	if manifest, err = p.Manifest(); err != nil {
		return nil, nil, err
	}
	wasm, err = p.Code(code)
	return manifest, wasm, err
}

// Remove forgets a plugin; one that is not kept is no error.
func (k *Kept) Remove(folder string) error {
	if !fs.ValidPath(folder) || folder == "." {
		return nil
	}
	return os.RemoveAll(filepath.Join(k.dir, folder))
}

// writeCode writes what Package.Code has read into a folder.
func writeCode(dir, name string, code []byte) error {
	files, err := Files(name, code)
	for file, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(file))
		err = errors.Join(err, os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, text, 0o600))
	}
	return err
}

// Files are the files, by their paths from the plugin's folder, that Package.Code has read for an entry.
func Files(entry string, code []byte) (map[string][]byte, error) {
	if !script.IsEntry(entry) {
		return map[string][]byte{entry: code}, nil
	}
	s, err := script.Decode(code)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for name, text := range s.Files {
		if script.IsPart(entry, name) {
			files[name] = []byte(text)
		}
	}
	return files, nil
}
