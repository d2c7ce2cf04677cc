package author

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long after a save others may follow: editors write several files, or one several times.
const settle = 10 * time.Millisecond

// Watch calls changed after each save in the project's folder and the folders in it, until ctx ends. What is saved while
// it runs is reported once after it.
func (p Project) Watch(ctx context.Context, changed func()) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer w.Close()
	if err := p.follow(w); err != nil {
		return err
	}
	_ = w.Add(filepath.Dir(p.Dir)) // where the folder comes again when another one takes its place; it may be out of reach
	var wait <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.Events:
			if !ok {
				return nil
			}
			if e.Op == fsnotify.Chmod || p.made(e.Name) || p.beside(e.Name) {
				continue
			}
			if e.Has(fsnotify.Create) {
				_ = p.follow(w) // what is gone again needs no watch
			}
			wait = time.After(settle)
		case _, ok := <-w.Errors: // events were lost
			if !ok {
				return nil
			}
			wait = time.After(settle)
		case <-wait:
			wait = nil
			changed()
		}
	}
}

// made reports whether a file is what a build makes, also on its way to there (plugin.wasm.tmp1), or no source at all.
func (p Project) made(path string) bool {
	name := filepath.Base(path)
	return strings.Contains(name, ".wasm") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~")
}

// beside reports whether a file is a neighbour of the project's folder.
func (p Project) beside(path string) bool {
	return filepath.Dir(path) == filepath.Dir(p.Dir) && path != p.Dir
}

// follow watches the project's folder, also where its name is a link, and those in it, but for those of tools.
func (p Project) follow(w *fsnotify.Watcher) error {
	root, err := filepath.EvalSymlinks(p.Dir)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "target" || name == "vendor") {
			return filepath.SkipDir
		}
		return w.Add(path)
	})
}
