// Command house prints the picture of the module: packages with their sizes, longest functions and largest
// types, and who imports whom. It judges nothing; kernel/arch_test.go does.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/carapace-gateway/carapace/kernel/kerneltest/source"
)

func main() {
	root := flag.String("root", ".", "the module's root")
	types := flag.Int("types", 20, "how many of the types with the most methods are listed")
	flag.Parse()
	m, err := source.Read(*root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "house:", err)
		os.Exit(1)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	packages(w, m)
	largestTypes(w, m, *types)
	arrows(w, m)
	if err := w.Flush(); err != nil {
		os.Exit(1)
	}
}

// packages lists sizes: lines of hand-written sources, comment lines per code line, the longest function.
func packages(w *tabwriter.Writer, m *source.Module) {
	fmt.Fprintln(w, "package\tfiles\tlines\tlongest file\tcomments/code\ttest lines\tgenerated\tlongest function")
	var total size
	for _, dir := range m.Dirs() {
		var s size
		for _, f := range m.Packages[dir].Files {
			s.add(f)
			total.add(f)
		}
		s.print(w, dir, longestFunction(m, m.Packages[dir]))
	}
	total.print(w, "all", "")
	fmt.Fprintln(w)
}

// size sums files up: those written by hand, and the lines of tests and of generated files beside them.
type size struct{ files, lines, longest, code, comments, tests, generated int }

func (s *size) add(f *source.File) {
	switch {
	case f.Test:
		s.tests += f.Lines
	case f.Generated:
		s.generated += f.Lines
	default:
		s.files++
		s.lines += f.Lines
		s.code += f.Code
		s.comments += f.Comments
		s.longest = max(s.longest, f.Lines)
	}
}

func (s *size) print(w *tabwriter.Writer, name, longest string) {
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%.2f\t%d\t%d\t%s\n", name, s.files, s.lines, s.longest,
		float64(s.comments)/float64(max(s.code, 1)), s.tests, s.generated, longest)
}

func longestFunction(m *source.Module, p *source.Package) string {
	all := m.Functions(p)
	if len(all) == 0 {
		return "–"
	}
	f := slices.MaxFunc(all, func(a, b source.Function) int { return cmp.Compare(a.Lines, b.Lines) })
	return fmt.Sprintf("%s (%d)", f.Name, f.Lines)
}

// largestTypes lists the types with the most methods, and in how many files those stand.
func largestTypes(w *tabwriter.Writer, m *source.Module, limit int) {
	type row struct {
		name    string
		methods int
		files   map[string]bool
	}
	rows := map[string]*row{}
	for _, dir := range m.Dirs() {
		for _, f := range m.Functions(m.Packages[dir]) {
			if f.Receiver == "" {
				continue
			}
			name := dir + "." + f.Receiver
			if rows[name] == nil {
				rows[name] = &row{name: name, files: map[string]bool{}}
			}
			rows[name].methods++
			rows[name].files[f.File] = true
		}
	}
	list := make([]*row, 0, len(rows))
	for _, r := range rows {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *row) int {
		return cmp.Or(cmp.Compare(b.methods, a.methods), strings.Compare(a.name, b.name))
	})
	fmt.Fprintln(w, "type\tmethods\tin files")
	for _, r := range list[:min(limit, len(list))] {
		fmt.Fprintf(w, "%s\t%d\t%d\n", r.name, r.methods, len(r.files))
	}
	fmt.Fprintln(w)
}

// arrows lists who imports whom, inside the module.
func arrows(w *tabwriter.Writer, m *source.Module) {
	fmt.Fprintln(w, "package\timports")
	for _, dir := range m.Dirs() {
		var own []string
		for _, name := range m.Packages[dir].Imports() {
			if to, ok := source.Own(name); ok {
				own = append(own, to)
			}
		}
		if len(own) > 0 {
			fmt.Fprintf(w, "%s\t%s\n", dir, strings.Join(own, " "))
		}
	}
}
