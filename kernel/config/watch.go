package config

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// watchEvery is how often the file is looked at. One look is a call of stat.
const watchEvery = 500 * time.Millisecond

// Run puts in force what somebody writes into the file, until ctx ends; it returns nil. A file that cannot be read, or
// is gone, is logged once, and the last settings stay.
func (s *Settings) Run(ctx context.Context) error {
	if s.deps.Path == "" {
		<-ctx.Done()
		return nil
	}
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	seen := map[string]*watched{}
	for {
		select {
		case <-ticker.C:
			if s.settled(seen) {
				s.reread()
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// settled reports whether the file, or one that it includes, has changed and stayed as it is between two looks.
func (s *Settings) settled(seen map[string]*watched) (due bool) {
	for _, path := range append([]string{s.deps.Path}, s.now.Load().files...) {
		w := seen[path]
		if w == nil {
			w = &watched{}
			seen[path] = w
		}
		due = w.settled(path) || due
	}
	return due
}

// watched is the file as it was seen last.
type watched struct {
	seen    fs.FileInfo // nil where there was none
	changed bool        // since it was read
}

// settled reports whether the file has changed and stayed as it is between two looks: an editor may write it in
// pieces. The first look counts as a change, since nobody knows what happened before it.
func (w *watched) settled(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		info = nil
	}
	same := info == nil && w.seen == nil ||
		info != nil && w.seen != nil && os.SameFile(info, w.seen) && info.ModTime().Equal(w.seen.ModTime()) && info.Size() == w.seen.Size()
	if !same {
		w.seen, w.changed = info, true
		return false
	}
	due := w.changed
	w.changed = false
	return due
}

// reread puts the file in force if it says something new, and logs what became of it.
func (s *Settings) reread() {
	changed, restart, err := s.reload()
	news := len(changed) > 0
	if news && s.deps.Changed != nil {
		s.deps.Changed(changed)
	}
	switch {
	case err != nil:
		s.log.Error("the config file cannot be used; the settings before it stay in force", "file", s.deps.Path, "error", err)
	case news:
		s.log.Info("the config file has changed and is in force", "file", s.deps.Path)
		if len(restart) > 0 {
			s.log.Warn("some settings are in force only after a restart", "settings", restart)
		}
	}
}

// Reload reads the file and puts it in force if it says something new. restart names what has changed and is in force
// only after a restart. Errors are those of Load; the last settings stay in force then.
func (s *Settings) Reload() (news bool, restart []string, err error) {
	changed, restart, err := s.reload()
	return len(changed) > 0, restart, err
}

// reload is Reload that says what is new, by the paths.
func (s *Settings) reload() (changed, restart []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now.Load()
	text, err := s.read()
	switch {
	case errors.Is(err, fs.ErrNotExist) && !now.exists:
		return nil, nil, nil
	case err == nil && bytes.Equal(text, now.document.text) && len(now.files) == 0:
		s.problem.Store(nil)
		return nil, nil, nil
	case err == nil:
		if changed, restart, err = s.apply(text); err == nil {
			return changed, restart, nil
		}
	case errors.Is(err, fs.ErrNotExist):
		err = wit.Errorf(wit.CodeNotFound, "config: %s is gone", s.deps.Path)
	}
	s.problem.Store(&problem{text, err})
	return nil, nil, err
}
