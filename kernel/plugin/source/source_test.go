package source_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/source"
)

// TestFilesThatAreNoFolders: who puts a script or an archive where folders belong is told why it does not run. Other files, such as
// code that folders share, are nobody's business.
func TestFilesThatAreNoFolders(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"greeter.ts", "greeter.py", "dice-1.0.0.carapace", "bundle.wasm", "README.md", ".hidden.ts"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := source.Inbox(dir).Packages()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"greeter.ts": "plugin.json", "greeter.py": "plugin.json", "dice-1.0.0.carapace": "plugins install"}
	for _, p := range found {
		if _, err := p.Manifest(); want[p.Folder] == "" || err == nil || !strings.Contains(err.Error(), want[p.Folder]) {
			t.Errorf("%s: %v", p.Folder, err)
		}
		delete(want, p.Folder)
	}
	if other, err := source.Folder(dir).Packages(); err != nil || len(other) > 0 {
		t.Errorf("a folder with other things than plugins: %v, %v", other, err)
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
}
