package main

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/token"
	"reflect"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/kerneltest/source"
	"github.com/carapace-gateway/carapace/kernel/protocol"
	"github.com/carapace-gateway/carapace/kernel/rpc"
)

// comments are what the doc comments of the module's packages say.
type comments struct {
	module   *source.Module
	packages map[string]*pkg // those that were asked for, by import path
}

// pkg is what the comments of a package say.
type pkg struct {
	types  map[string]string            // of a type
	fields map[string]map[string]string // of a type's field
	values map[string][]string          // of a named string type: its constants, quoted
}

// readComments reads the module at root.
func readComments(root string) (*comments, error) {
	m, err := source.Read(root)
	return &comments{m, map[string]*pkg{}}, err
}

// of returns what a package says; one that is not the module's own says nothing.
func (c *comments) of(path string) *pkg {
	if p := c.packages[path]; p != nil {
		return p
	}
	p := &pkg{map[string]string{}, map[string]map[string]string{}, map[string][]string{}}
	c.packages[path] = p
	dir, ours := source.Own(path)
	if folder := c.module.Packages[dir]; ours && folder != nil {
		for _, f := range folder.Sources() {
			p.add(f.AST)
		}
	}
	return p
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

// first is the first sentence of a text.
func first(s string) string { return new(doc.Package).Synopsis(s) }

// describe fills in the descriptions of a document.
func describe(d *protocol.Document, c *comments) error {
	for name, def := range d.Types.Defs {
		def.Description = c.of(def.Of.PkgPath()).types[def.Of.Name()]
		if def.Description == "" && ast.IsExported(def.Of.Name()) {
			return fmt.Errorf("the type %s has no doc comment: clients see it", name)
		}
		c.properties(def)
	}
	return nil
}

func (c *comments) properties(of *rpc.Schema) {
	for _, p := range of.Properties {
		p.Description = c.of(p.Owner.PkgPath()).fields[p.Owner.Name()][p.Field]
		if values := c.values(p); len(values) > 0 {
			p.Description = strings.TrimSpace(p.Description + " One of: " + strings.Join(values, ", ") + ".")
		}
		for _, inner := range []*rpc.Schema{p.Schema, p.Items, p.Values} {
			if inner != nil {
				c.properties(inner) // a struct without a name
			}
		}
	}
}

// values are the constants of a field's type, where its schema does not list them.
func (c *comments) values(p rpc.Property) []string {
	f, ok := p.Owner.FieldByName(p.Field)
	if !ok || p.Enum != nil {
		return nil
	}
	t := f.Type
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.String || t.PkgPath() == "" || p.Items != nil && p.Items.Enum != nil {
		return nil
	}
	return c.of(t.PkgPath()).values[t.Name()]
}
