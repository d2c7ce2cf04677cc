package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
	"strings"
)

// mutant is one small change to one file. It is written as a switch, so that one build holds many changes and each
// run of it makes one of them; only what has to be a constant is changed in a build of its own.
type mutant struct {
	number int // from 1, in the order in which the changes of a package are found
	file   string
	line   int
	what   string
	apart  bool // not a switch
	edits  []edit
}

func (m mutant) String() string { return fmt.Sprintf("%s:%d: %s", m.file, m.line, m.what) }

// edit puts text in the place of some bytes, of none mostly. Of several edits at one place the lowest rank is first.
type edit struct {
	at, length int
	text       string
	rank       int
}

// finder collects the changes to a package, file by file. What surrounds is found before what it contains.
type finder struct {
	fset   *token.FileSet
	info   *types.Info
	file   string
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
		f.condition("if", n.Cond)
	case *ast.SwitchStmt:
		f.cases(n)
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			f.wrap(n, "((", ") != "+f.on()+")", f.text(n)+" without its !")
		}
	case *ast.Ident:
		if other := map[string]string{"true": "false", "false": "true"}[n.Name]; other != "" && f.constant(n) {
			f.wrap(n, "(", " != "+f.on()+")", n.Name+" is "+other)
		}
	case *ast.GenDecl:
		f.numbers(n)
		return n.Tok == token.VAR
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
		case *ast.BranchStmt:
			if n.Tok == token.GOTO || n.Tok == token.FALLTHROUGH {
				continue
			}
		case *ast.ReturnStmt:
			if len(n.Results) > 0 {
				continue
			}
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.SendStmt, *ast.GoStmt:
		default:
			continue
		}
		f.wrap(s, "if !"+f.on()+" { ", " }", "without "+f.text(s))
	}
}

// condition makes a condition false; one without an operator that could be changed, true as well.
func (f *finder) condition(word string, c ast.Expr) {
	f.wrap(c, "!"+f.on()+" && (", ")", word+" "+f.text(c)+" never holds")
	switch c.(type) {
	case *ast.Ident, *ast.CallExpr, *ast.SelectorExpr:
		f.wrap(c, f.on()+" || (", ")", word+" "+f.text(c)+" always holds")
	}
}

// cases changes the conditions of a switch that has no value of its own.
func (f *finder) cases(n *ast.SwitchStmt) {
	if n.Tag != nil {
		return
	}
	for _, s := range n.Body.List {
		for _, c := range s.(*ast.CaseClause).List {
			f.condition("case", c)
		}
	}
}

// binary leaves out a half of a condition, moves a bound by one, turns an equation round, and a sum.
func (f *finder) binary(n *ast.BinaryExpr) {
	other := map[token.Token]string{
		token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">", token.EQL: "!=", token.NEQ: "==",
		token.ADD: "-", token.SUB: "+",
	}
	what := f.text(n) + " is " + f.text(n.X) + " " + other[n.Op] + " " + f.text(n.Y)
	switch n.Op {
	case token.LAND:
		f.wrap(n.Y, "("+f.on()+" || (", "))", f.text(n)+" without its second half")
		f.wrap(n.X, "("+f.on()+" || (", "))", f.text(n)+" without its first half")
	case token.LOR:
		f.wrap(n.Y, "(!"+f.on()+" && (", "))", f.text(n)+" without its second half")
		f.wrap(n.X, "(!"+f.on()+" && (", "))", f.text(n)+" without its first half")
	case token.EQL, token.NEQ:
		f.wrap(n, "((", ") != "+f.on()+")", what)
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		f.call(n, what)
	case token.ADD, token.SUB:
		if basic, ok := f.info.TypeOf(n).Underlying().(*types.Basic); ok && basic.Info()&types.IsNumeric != 0 && !f.constant(n) {
			f.call(n, what)
		}
	}
}

// call puts a function that stands for both operators in an operator's place; switch.go.txt has them.
func (f *finder) call(n *ast.BinaryExpr, what string) {
	name := map[token.Token]string{
		token.LSS: "LSS", token.LEQ: "LEQ", token.GTR: "GTR", token.GEQ: "GEQ", token.ADD: "ADD", token.SUB: "SUB",
	}[n.Op]
	comma := edit{f.offset(n.OpPos), len(n.Op.String()), ",", 0}
	f.wrap(n, fmt.Sprintf("mutant%s(%d, ", name, f.next()), ")", what, comma)
}

// numbers adds one to each number that has a name.
func (f *finder) numbers(n *ast.GenDecl) {
	for _, spec := range n.Specs {
		named, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for _, v := range named.Values {
			lit, ok := v.(*ast.BasicLit)
			if !ok || lit.Kind != token.INT {
				continue
			}
			if number, err := strconv.ParseInt(lit.Value, 0, 64); err == nil {
				more := edit{f.offset(lit.Pos()), len(lit.Value), strconv.FormatInt(number+1, 10), 0}
				f.add(lit, lit.Value+" is one more", true, more)
			}
		}
	}
}

// wrap notes a change that is made by what stands before and after a node. Around the same node, or at the place
// where one ends and the next begins, an earlier change is outside a later one.
func (f *finder) wrap(n ast.Node, before, after, what string, inside ...edit) {
	number := f.next()
	edits := append(inside, edit{f.offset(n.Pos()), 0, before, number}, edit{f.offset(n.End()), 0, after, -number})
	f.add(n, what, false, edits...)
}

func (f *finder) add(n ast.Node, what string, apart bool, edits ...edit) {
	what = strings.Join(strings.Fields(what), " ")
	if runes := []rune(what); len(runes) > 120 {
		what = string(runes[:119]) + "…"
	}
	f.found = append(f.found, mutant{f.next(), f.file, f.fset.Position(n.Pos()).Line, what, apart, edits})
}

// next is the number of the change that is noted next.
func (f *finder) next() int { return len(f.found) + 1 }

// on is the condition that the change that is noted next is made.
func (f *finder) on() string { return fmt.Sprintf("mutantOn(%d)", f.next()) }

// constant reports whether the compiler knows an expression's value.
func (f *finder) constant(n ast.Expr) bool { return f.info.Types[n].Value != nil }

func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

func (f *finder) text(n ast.Node) string {
	return string(f.source[f.offset(n.Pos()):f.offset(n.End())])
}
