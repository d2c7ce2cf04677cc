package main

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/protocol"
	"github.com/carapace-gateway/carapace/kernel/rpc"
)

const module = "github.com/carapace-gateway/carapace/"

// source reads doc comments of the module's packages.
type source struct {
	root     string
	packages map[string]*pkg
}

// pkg is what the comments of a package say.
type pkg struct {
	types  map[string]string            // of a type
	fields map[string]map[string]string // of a type's field
	values map[string][]string          // of a named string type: its constants, quoted
}

func newSource(root string) *source { return &source{root, map[string]*pkg{}} }

// of reads a package once.
func (s *source) of(path string) (*pkg, error) {
	if p := s.packages[path]; p != nil {
		return p, nil
	}
	p := &pkg{map[string]string{}, map[string]map[string]string{}, map[string][]string{}}
	s.packages[path] = p
	dir, ours := strings.CutPrefix(path, module)
	if !ours {
		return p, nil
	}
	files, err := filepath.Glob(filepath.Join(s.root, dir, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		p.add(f)
	}
	return p, nil
}

func (p *pkg) add(f *ast.File) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range g.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				p.addType(g, s)
			case *ast.ValueSpec:
				p.addValues(g, s)
			}
		}
	}
}

func (p *pkg) addType(g *ast.GenDecl, s *ast.TypeSpec) {
	comment := s.Doc
	if comment == nil && len(g.Specs) == 1 {
		comment = g.Doc
	}
	p.types[s.Name.Name] = text(comment)
	fields := map[string]string{}
	p.fields[s.Name.Name] = fields
	st, ok := s.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range st.Fields.List {
		comment := f.Doc
		if comment == nil {
			comment = f.Comment
		}
		for _, n := range f.Names {
			fields[n.Name] = text(comment)
		}
	}
}

func (p *pkg) addValues(g *ast.GenDecl, s *ast.ValueSpec) {
	id, ok := s.Type.(*ast.Ident)
	if g.Tok != token.CONST || !ok {
		return
	}
	for _, v := range s.Values {
		if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if value, err := strconv.Unquote(lit.Value); err == nil && value != "" {
				p.values[id.Name] = append(p.values[id.Name], value)
			}
		}
	}
}

// text is a comment on one line.
func text(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }

// typeDoc is what a type's comment says, its name left as the subject.
func (s *source) typeDoc(t reflect.Type) (string, error) {
	p, err := s.of(t.PkgPath())
	if err != nil {
		return "", err
	}
	return p.types[t.Name()], nil
}

// first is the first sentence of a text.
func first(s string) string { return new(doc.Package).Synopsis(s) }

// describe fills in the descriptions of a document.
func describe(d *protocol.Document, s *source) error {
	for name, def := range d.Types.Defs {
		text, err := s.typeDoc(def.Of)
		if err != nil {
			return err
		}
		if text == "" && ast.IsExported(def.Of.Name()) {
			return fmt.Errorf("the type %s has no doc comment: clients see it", name)
		}
		def.Description = text
		if err := s.properties(def); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) properties(of *rpc.Schema) error {
	for _, p := range of.Properties {
		pkg, err := s.of(p.Owner.PkgPath())
		if err != nil {
			return err
		}
		p.Description = pkg.fields[p.Owner.Name()][p.Field]
		if values, err := s.values(p); err != nil {
			return err
		} else if len(values) > 0 {
			p.Description = strings.TrimSpace(p.Description + " One of: " + strings.Join(values, ", ") + ".")
		}
		for _, inner := range []*rpc.Schema{p.Schema, p.Items, p.Values} {
			if inner != nil {
				if err := s.properties(inner); err != nil { // a struct without a name
					return err
				}
			}
		}
	}
	return nil
}

// values are the constants of a field's type, where its schema does not list them.
func (s *source) values(p rpc.Property) ([]string, error) {
	f, ok := p.Owner.FieldByName(p.Field)
	if !ok || p.Enum != nil {
		return nil, nil
	}
	t := f.Type
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.String || t.PkgPath() == "" || p.Items != nil && p.Items.Enum != nil {
		return nil, nil
	}
	pkg, err := s.of(t.PkgPath())
	if err != nil {
		return nil, err
	}
	return pkg.values[t.Name()], nil
}
