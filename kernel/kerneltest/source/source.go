// Package source reads the module's own Go files: what the tests that guard the structure look at, and what
// `make house` draws. It parses and does not type-check, so it takes a fraction of a second.
//
// A Module does not change once read and is safe for concurrent use.
package source

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ModulePath begins every import of the module's own packages.
const ModulePath = "github.com/carapace-gateway/carapace/"

// Module is all of the module's packages, by their folders.
type Module struct {
	Fset     *token.FileSet
	Packages map[string]*Package
}

// Package is one folder of Go files.
type Package struct {
	// Dir is the folder, with forward slashes, relative to the module's root.
	Dir   string
	Files []*File
}

// File is one parsed file.
type File struct {
	// Path is relative to the module's root.
	Path string
	AST  *ast.File
	// Test files end in _test.go; Generated ones say so in their first line.
	Test, Generated bool
	// Lines counts all of them; Code those with code on them, Comments those with nothing but a comment.
	Lines, Code, Comments int
}

// skipped are folders of what was built or fetched, or is data for a test.
var skipped = map[string]bool{".git": true, "bin": true, "dist": true, "node_modules": true, "testdata": true}

// Read parses the module at root.
func Read(root string) (*Module, error) {
	m := &Module{Fset: token.NewFileSet(), Packages: map[string]*Package{}}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped[d.Name()]:
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		return m.add(name, filepath.ToSlash(rel))
	})
	return m, err
}

func (m *Module) add(name, rel string) error {
	parsed, err := parser.ParseFile(m.Fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	f := &File{Path: rel, AST: parsed, Test: strings.HasSuffix(rel, "_test.go"), Generated: ast.IsGenerated(parsed)}
	m.count(f)
	dir := path.Dir(rel)
	p := m.Packages[dir]
	if p == nil {
		p = &Package{Dir: dir}
		m.Packages[dir] = p
	}
	p.Files = append(p.Files, f)
	return nil
}

// count fills in the file's numbers of lines.
func (m *Module) count(f *File) {
	at := m.Fset.File(f.AST.FileStart)
	f.Lines = at.LineCount()
	code, comment := map[int]bool{}, map[int]bool{}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case nil, *ast.File:
			return true
		case *ast.CommentGroup, *ast.Comment:
			return false
		case *ast.BasicLit: // a raw string spans lines
			for line := at.Line(n.Pos()); line <= at.Line(n.End()-1); line++ {
				code[line] = true
			}
			return true
		default:
			code[at.Line(n.Pos())], code[at.Line(n.End()-1)] = true, true
			return true
		}
	})
	code[at.Line(f.AST.Package)] = true
	for _, group := range f.AST.Comments {
		for line := at.Line(group.Pos()); line <= at.Line(group.End()-1); line++ {
			if !code[line] {
				comment[line] = true
			}
		}
	}
	f.Code, f.Comments = len(code), len(comment)
}

// Dirs lists the packages' folders, sorted.
func (m *Module) Dirs() []string {
	dirs := make([]string, 0, len(m.Packages))
	for dir := range m.Packages {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	return dirs
}

// Sources lists the package's files that are no tests.
func (p *Package) Sources() []*File {
	return slices.DeleteFunc(slices.Clone(p.Files), func(f *File) bool { return f.Test })
}

// Imports lists the import paths of the package's sources, sorted, each once.
func (p *Package) Imports() []string {
	var list []string
	for _, f := range p.Sources() {
		list = append(list, f.Imports()...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Imports lists the file's import paths.
func (f *File) Imports() []string {
	list := make([]string, 0, len(f.AST.Imports))
	for _, spec := range f.AST.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			list = append(list, name)
		}
	}
	return list
}

// Own returns the folder of one of the module's own packages, and false for any other import path.
func Own(importPath string) (dir string, ok bool) { return strings.CutPrefix(importPath, ModulePath) }

// Function is a function or method of a package.
type Function struct {
	// Name is Receiver.Name for a method.
	Name     string
	Receiver string
	File     string
	Lines    int
}

// Functions lists the functions and methods of the package's sources that are written by hand.
func (m *Module) Functions(p *Package) []Function {
	var list []Function
	for _, f := range p.Sources() {
		if f.Generated {
			continue
		}
		for _, d := range f.AST.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := m.Fset.Position(fn.End()).Line - m.Fset.Position(fn.Pos()).Line + 1
			out := Function{Name: fn.Name.Name, File: f.Path, Lines: lines}
			if fn.Recv != nil && len(fn.Recv.List) == 1 {
				out.Receiver = receiver(fn.Recv.List[0].Type)
				out.Name = out.Receiver + "." + out.Name
			}
			list = append(list, out)
		}
	}
	return list
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}
