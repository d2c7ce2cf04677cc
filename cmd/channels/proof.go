package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// proofs are the tests that prove a feature, by their names.
type proofs map[channeltest.Feature][]string

// constants are the features by the names of their constants in the package channeltest.
func constants(root string) (map[string]channeltest.Feature, error) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "sdk/go/channel/channeltest/feature.go"), nil, 0)
	if err != nil {
		return nil, err
	}
	found := map[string]channeltest.Feature{}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Names) == 1 && len(v.Values) == 1 {
			if text, err := literal(v.Values[0]); err == nil {
				found[v.Names[0].Name] = channeltest.Feature(text)
			}
		}
		return true
	})
	return found, nil
}

func literal(e ast.Expr) (string, error) {
	l, ok := e.(*ast.BasicLit)
	if !ok {
		return "", fmt.Errorf("no literal")
	}
	return strconv.Unquote(l.Value)
}

// readProofs finds what the tests in a folder, and in those below it, say that they prove.
func readProofs(folder string, features map[string]channeltest.Feature) (proofs, error) {
	found := proofs{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil {
				if err := found.read(f, features); err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
			}
		}
		return nil
	})
	return found, err
}

// read adds what one function says that it proves.
func (p proofs) read(f *ast.FuncDecl, features map[string]channeltest.Feature) (err error) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || !isProves(call.Fun) || len(call.Args) < 2 {
			return true
		}
		for _, arg := range call.Args[1:] {
			name, ok := arg.(*ast.SelectorExpr)
			if !ok || features[name.Sel.Name] == "" {
				err = fmt.Errorf("%s proves something that is no constant of channeltest", f.Name.Name)
				return false
			}
			feature := features[name.Sel.Name]
			p[feature] = append(p[feature], f.Name.Name)
		}
		return true
	})
	return err
}

func isProves(fun ast.Expr) bool {
	s, ok := fun.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Proves"
}
