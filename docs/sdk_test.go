package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestPackagesOfTheGoSDK: the table names each package that plugins import beside those of their kinds, and no other.
func TestPackagesOfTheGoSDK(t *testing.T) {
	text, err := os.ReadFile("../sdk/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var named, there []string
	for _, m := range regexp.MustCompile("(?m)^\\| `((?:channel/|provider/)?[a-z]+)` \\|").FindAllSubmatch(text, -1) {
		named = append(named, string(m[1]))
	}
	for _, kind := range []string{"channel", "provider"} {
		files, err := filepath.Glob("../sdk/go/" + kind + "/*/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			there = append(there, kind+"/"+filepath.Base(filepath.Dir(f)))
		}
	}
	there = append(there, "form", "json", "texts", "wait")
	slices.Sort(named)
	slices.Sort(there)
	if there = slices.Compact(there); !slices.Equal(named, there) {
		t.Errorf("the table has\n%v, there are\n%v", named, there)
	}
}
