package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// switches is the file that a package with changes has besides its own.
//
//go:embed switch.go.txt
var switches string

// source is a package's code, as its compiler sees it, and what it takes to check changed code.
type source struct {
	folder   string
	name     string
	files    map[string][]byte // by path, as the package's folder was named
	fset     *token.FileSet
	imported types.Importer
}

// listed is what `go list` says of a package.
type listed struct {
	Name, ImportPath, Export string
	GoFiles                  []string
	DepOnly, Standard        bool
}

// read reads a package's files and where its imports' types are.
func read(folder string) (*source, error) {
	args := []string{"list", "-export", "-deps", "-json=Name,ImportPath,Export,GoFiles,DepOnly,Standard", folder}
	cmd := exec.Command("go", append(args, "cmp", "fmt", "os", "strconv", "sync")...) // what the switches import
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", folder, err)
	}
	s := &source{folder: folder, files: map[string][]byte{}, fset: token.NewFileSet()}
	exports := map[string]string{}
	for list := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := list.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		exports[p.ImportPath] = p.Export
		if p.DepOnly || p.Standard {
			continue
		}
		s.name = p.Name
		for _, name := range p.GoFiles {
			path := filepath.Join(folder, name)
			if s.files[path], err = os.ReadFile(path); err != nil {
				return nil, err
			}
		}
	}
	s.imported = importer.ForCompiler(s.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	return s, nil
}

// mutants lists the changes to the hand-written files, in the order of the code. Those that do not compile are
// counted only.
func (s *source) mutants() (fit []mutant, unfit int, err error) {
	parsed, info, err := s.check(s.files)
	if err != nil {
		return nil, 0, err
	}
	f := &finder{fset: s.fset, info: info}
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		if file := parsed[name]; !ast.IsGenerated(file) {
			f.file, f.source = name, s.files[name]
			ast.Inspect(file, f.visit)
		}
	}
	fit = s.fitting(f.found)
	return fit, len(f.found) - len(fit), nil
}

// fitting leaves out the changes that do not compile: it halves what does not, until it is one change.
func (s *source) fitting(all []mutant) []mutant {
	if _, _, err := s.check(s.with(all)); err == nil || len(all) == 0 {
		return all
	}
	if len(all) == 1 {
		return nil
	}
	half := len(all) / 2
	return append(s.fitting(all[:half:half]), s.fitting(all[half:])...)
}

// check parses and type-checks the package with these files.
func (s *source) check(files map[string][]byte) (map[string]*ast.File, *types.Info, error) {
	parsed := map[string]*ast.File{}
	for name, text := range files {
		file, err := parser.ParseFile(s.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		parsed[name] = file
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: s.imported}
	_, err := config.Check(s.name, s.fset, slices.Collect(maps.Values(parsed)), info)
	return parsed, info, err
}

// with returns the files with these changes in them, and the file with the switches that choose one.
func (s *source) with(all []mutant) map[string][]byte {
	edits := map[string][]edit{}
	for _, m := range all {
		edits[m.file] = append(edits[m.file], m.edits...)
	}
	files := map[string][]byte{}
	for name, text := range s.files {
		files[name] = changed(text, edits[name])
	}
	file := strings.Replace(switches, "package mutated", "package "+s.name, 1)
	files[filepath.Join(s.folder, "mutate_switch.go")] = []byte(file)
	return files
}

// switched returns the files with all changes that are switches.
func (s *source) switched(all []mutant) map[string][]byte {
	return s.with(slices.DeleteFunc(slices.Clone(all), func(m mutant) bool { return m.apart }))
}

// changed makes edits in a text.
func changed(text []byte, edits []edit) []byte {
	slices.SortFunc(edits, func(a, b edit) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank, b.rank)) })
	var out []byte
	done := 0
	for _, e := range edits {
		out = append(append(out, text[done:e.at]...), e.text...)
		done = e.at + e.length
	}
	return append(out, text[done:]...)
}
