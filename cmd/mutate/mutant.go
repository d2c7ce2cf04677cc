package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
)

// mutant is one small change to one file.
type mutant struct {
	file       string
	line       int
	start, end int // the bytes that are replaced
	text       string
	what       string
}

func (m mutant) String() string { return fmt.Sprintf("%s:%d: %s", m.file, m.line, m.what) }

// apply returns the changed file.
func (m mutant) apply(source []byte) []byte {
	out := append([]byte{}, source[:m.start]...)
	return append(append(out, m.text...), source[m.end:]...)
}

// mutants lists the changes to a package's hand-written files, in the order of the code.
func mutants(dir string) ([]mutant, error) {
	names, err := sources(dir)
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		found, err := mutate(name, source)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// mutate lists the changes to one file; a generated one has none.
func mutate(name string, source []byte) ([]mutant, error) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil || ast.IsGenerated(parsed) {
		return nil, err
	}
	f := &finder{file: name, fset: fset, source: source}
	ast.Inspect(parsed, f.visit)
	return f.found, nil
}

// finder collects the changes to one file.
type finder struct {
	file   string
	fset   *token.FileSet
	source []byte
	found  []mutant
}

func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BlockStmt:
		f.statements(n.List)
	case *ast.CaseClause:
		f.statements(n.Body)
	case *ast.CommClause:
		f.statements(n.Body)
	case *ast.IfStmt:
		f.replace(n.Cond, "false && ("+f.text(n.Cond)+")", "if "+f.text(n.Cond)+" never holds")
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			f.replace(n, f.text(n.X), f.text(n)+" without its !")
		}
	case *ast.GenDecl:
		return n.Tok != token.IMPORT
	case *ast.ValueSpec:
		f.numbers(n.Values)
	}
	return true
}

// statements takes out each statement that says something by itself.
func (f *finder) statements(list []ast.Stmt) {
	for _, s := range list {
		switch n := s.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				continue
			}
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.SendStmt, *ast.GoStmt:
		default:
			continue
		}
		f.replace(s, "{}", "without "+f.text(s))
	}
}

// binary leaves out a half of a condition, moves a bound by one, and turns an equation round.
func (f *finder) binary(n *ast.BinaryExpr) {
	other := map[token.Token]string{
		token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">", token.EQL: "!=", token.NEQ: "==",
		token.ADD: "-", token.SUB: "+",
	}
	switch {
	case n.Op == token.LAND || n.Op == token.LOR:
		f.replace(n, f.text(n.X), f.text(n)+" without its second half")
		f.replace(n, f.text(n.Y), f.text(n)+" without its first half")
	case other[n.Op] != "":
		to := f.text(n.X) + " " + other[n.Op] + " " + f.text(n.Y)
		f.replace(n, to, f.text(n)+" is "+to)
	}
}

// numbers adds one to each number that has a name.
func (f *finder) numbers(values []ast.Expr) {
	for _, v := range values {
		lit, ok := v.(*ast.BasicLit)
		if !ok || lit.Kind != token.INT {
			continue
		}
		if n, err := strconv.ParseInt(lit.Value, 0, 64); err == nil {
			f.replace(lit, strconv.FormatInt(n+1, 10), lit.Value+" is one more")
		}
	}
}

// replace notes a change.
func (f *finder) replace(n ast.Node, text, what string) {
	at := f.fset.Position(n.Pos())
	what = strings.Join(strings.Fields(what), " ")
	if runes := []rune(what); len(runes) > 120 {
		what = string(runes[:119]) + "…"
	}
	f.found = append(f.found, mutant{f.file, at.Line, at.Offset, f.fset.Position(n.End()).Offset, text, what})
}

func (f *finder) text(n ast.Node) string {
	return string(f.source[f.fset.Position(n.Pos()).Offset:f.fset.Position(n.End()).Offset])
}
