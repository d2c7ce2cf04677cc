package builtin_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The bundles' instances begin as copies of one, and with its state of math/rand: two accounts would draw the same numbers.
func TestPluginsDrawRandomNumbersFromTheHost(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasSuffix(d.Name(), "test") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if files++; strings.Contains(string(text), `"math/rand`) {
			t.Errorf("%s uses math/rand", path)
		}
		return err
	})
	if err != nil || files < 50 {
		t.Errorf("%d files: %v", files, err)
	}
}
