package file_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/file"
)

// TestReplace: a file is another one afterwards, and nothing is left of one that could not be put there.
func TestReplace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	path := filepath.Join(dir, "f")
	for _, text := range []string{"one", "two"} {
		if err := file.Replace(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		info, _ := os.Stat(path)
		if err != nil || string(data) != text || info.Mode().Perm() != 0o640 {
			t.Errorf("%q %v %v", data, info.Mode(), err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "folder", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := file.Replace(filepath.Join(dir, "folder"), nil, 0o600); err == nil {
		t.Error("a folder with something in it was replaced")
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 2 {
		t.Errorf("%v is left, %v", list, err)
	}
}
