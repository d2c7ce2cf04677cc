package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
)

// profiler has the gateway write a profile of what is measured. The zero value does not.
type profiler struct{ dir string }

// path is the file of a row's profile.
func (f profiler) path(row string) string {
	return filepath.Join(f.dir, strings.ReplaceAll(row, " ", "-")+".pprof")
}

// prepare says where the gateway that is started next is to write, which it reads from its environment.
func (f profiler) prepare(row string) error {
	if f.dir == "" {
		return nil
	}
	return errors.Join(os.MkdirAll(f.dir, 0o755), os.RemoveAll(f.path(row)+".done"), os.Setenv("CARAPACE_PROFILE", f.path(row)))
}

// start begins a row's profile; end ends it and waits until it is written.
func (f profiler) start(p *process.Process, row string) (end func() error, err error) {
	if f.dir == "" {
		return func() error { return nil }, nil
	}
	if err := p.ToggleProfile(); err != nil {
		return nil, err
	}
	return func() error {
		if err := p.ToggleProfile(); err != nil {
			return err
		}
		for range 100 {
			if _, err := os.Stat(f.path(row) + ".done"); err == nil {
				return os.Remove(f.path(row) + ".done")
			}
			time.Sleep(50 * time.Millisecond)
		}
		return fmt.Errorf("no profile %s: build the gateway with -tags profile", f.path(row))
	}, nil
}
