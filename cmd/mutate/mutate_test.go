package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sample = `package sample

const most = 9

func clamp(n int) int {
	total := 0
	if n < 0 && !even(n) {
		return 0
	}
	total += n
	note(total)
	return total
}
`

// TestMutate: every kind of change is found, at its line, and leaves a file that parses.
func TestMutate(t *testing.T) {
	found, err := mutate("sample.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range found {
		got = append(got, m.String())
		if _, err := parser.ParseFile(token.NewFileSet(), m.file, m.apply([]byte(sample)), 0); err != nil {
			t.Errorf("%s: %v", m, err)
		}
	}
	want := `sample.go:3: 9 is one more
sample.go:10: without total += n
sample.go:11: without note(total)
sample.go:7: if n < 0 && !even(n) never holds
sample.go:7: n < 0 && !even(n) without its second half
sample.go:7: n < 0 && !even(n) without its first half
sample.go:7: n < 0 is n <= 0
sample.go:7: !even(n) without its !`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("found\n%s\nwant\n%s", text, want)
	}
}

// TestVerdicts: a change that a test sees is killed, one that none sees survives, and one that does not compile
// counts for neither.
func TestVerdicts(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":    "module sample\n\ngo 1.25\n",
		"code.go":   "package sample\n\nfunc double(n int) int {\n\tunseen := 1\n\tunseen++\n\t_ = unseen\n\treturn n + n\n}\n",
		"x_test.go": "package sample\n\nimport \"testing\"\n\nfunc Test(t *testing.T) {\n\tif double(2) != 4 {\n\t\tt.Fatal()\n\t}\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	all, err := mutants(".")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := newTester(parse([]string{"."}))
	if err != nil {
		t.Fatal(err)
	}
	defer tests.close()
	if v, out := tests.try(t.Context(), nil); v != survived {
		t.Fatalf("without a change: %s\n%s", v, out)
	}
	want := map[string]verdict{
		"without unseen++":   survived,
		"without _ = unseen": survived,
		"n + n is n - n":     killed,
	}
	for _, m := range all {
		if v, out := tests.try(t.Context(), &m); v != want[m.what] {
			t.Errorf("%s: %s, want %s\n%s", m, v, want[m.what], out)
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d changes, want %d", len(all), len(want))
	}
	broken := mutant{file: "code.go", text: "nonsense "}
	if v, _ := tests.try(t.Context(), &broken); v != invalid {
		t.Errorf("a change that does not compile: %s", v)
	}
}
