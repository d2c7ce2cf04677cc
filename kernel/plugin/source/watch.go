package source

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/carapace-gateway/carapace/kernel/plugin/script"
)

// pollEvery is how often a folder that cannot be watched is looked at.
const pollEvery = time.Second

// Watch implements Source: the folder, the folders in it and, while it does not exist, the nearest one
// above it. Where the system cannot watch, it is looked at every second.
func (f folder) Watch(ctx context.Context, changed func()) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return poll(ctx, changed)
	}
	defer w.Close()
	if !f.follow(w) {
		return poll(ctx, changed)
	}
	changed() // between the first look and the watch something may have come
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.Events:
			if !ok {
				return nil
			}
			if e.Op == fsnotify.Chmod || !f.concerns(e.Name) {
				continue
			}
			if e.Has(fsnotify.Create) || e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
				f.follow(w)
			}
			changed()
		case _, ok := <-w.Errors: // events were lost: look at everything
			if !ok {
				return nil
			}
			f.follow(w)
			changed()
		}
	}
}

// concerns reports whether a path is the folder's own, in it, or on the way to it. Others are told of while a folder above
// is watched.
func (f folder) concerns(path string) bool {
	const separator = string(filepath.Separator)
	path, dir := filepath.Clean(path)+separator, filepath.Clean(f.dir)+separator
	return strings.HasPrefix(path, dir) || strings.HasPrefix(dir, path)
}

// follow makes w watch what there is now, and reports whether it watches anything.
func (f folder) follow(w *fsnotify.Watcher) bool {
	for at := ""; at != f.dir; {
		var ok bool
		if at, ok = f.reach(w); !ok {
			return false
		}
		// What is below may have been made just before the watch, which does not tell of it then.
		if _, err := os.Stat(f.below(at)); at != f.dir && err != nil {
			return true
		}
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return true
	}
	for _, e := range entries {
		path := filepath.Join(f.dir, e.Name())
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			_ = w.Add(path) // gone again, or too many: the parent's events still come
			followScript(w, path, 0)
		}
	}
	return true
}

// followScript makes w watch the folders in a folder that may have parts of a script, where there is one.
func followScript(w *fsnotify.Watcher, dir string, depth int) {
	entries, err := os.ReadDir(dir)
	isEntry := func(e fs.DirEntry) bool { return script.IsEntry(e.Name()) }
	if err != nil || depth == 0 && !slices.ContainsFunc(entries, isEntry) || depth > script.MaxDepth || len(entries) > 2*script.MaxFiles {
		return
	}
	for _, e := range entries {
		if e.IsDir() && script.IsFolder("", e.Name()) {
			path := filepath.Join(dir, e.Name())
			_ = w.Add(path)
			followScript(w, path, depth+1)
		}
	}
}

// reach watches the folder, or the nearest one above it that there is, and returns that.
func (f folder) reach(w *fsnotify.Watcher) (at string, ok bool) {
	for at = f.dir; ; at = filepath.Dir(at) {
		err := w.Add(at)
		if err == nil {
			return at, true
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(at) == at {
			return at, false
		}
	}
}

// below is the next step from a folder above down to the folder, or the folder itself.
func (f folder) below(above string) string {
	path := f.dir
	for path != above && filepath.Dir(path) != above {
		path = filepath.Dir(path)
	}
	return path
}

func poll(ctx context.Context, changed func()) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			changed()
		}
	}
}
