//go:build unix

package kernel_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/gateway/gatewaytest"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAStateDirectoryOfOthers is refused, and so is a plugins folder in a private one.
func TestAStateDirectoryOfOthers(t *testing.T) {
	for open, mode := range map[string]os.FileMode{".": 0o777, "plugins": 0o702, "cache": 0o777} {
		state := t.TempDir()
		dir := filepath.Join(state, open)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		log, err := logs.New(logs.Config{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = kernel.New(context.Background(), kernel.Options{StateDir: state, Version: "1.0.0", Log: log, Listener: gatewaytest.NewListener()})
		if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "chmod go-w "+dir) {
			t.Errorf("%s: %v", open, err)
		}
	}
}
