package config

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"

	"github.com/carapace-gateway/carapace/wit"
)

// includeField names files whose settings stand below those beside it.
const includeField = "$include"

// Bounds of what a file includes.
const (
	maxIncludes     = 64
	maxIncludeDepth = 8
)

// origin is where a document comes from. The zero value is a text that is in no file: it includes nothing, and names of
// variables in it are texts like any other.
type origin struct {
	dir string
	env func(name string) (value string, ok bool)
}

// variable is a name of the environment in a text; with a second $ before it, it is the text itself.
var variable = regexp.MustCompile(`\$?\$\{[A-Z_][A-Z0-9_]*\}`)

// resolver puts the settings of other files, and what the environment says, into a document.
type resolver struct {
	document *Document
	files    []string
	// spares says that a section that cannot be resolved is off instead of being an error; faults are what is wrong with those.
	spares bool
	faults []*Fault
}

// resolved is the document with what it includes and, with variables, what it takes from the environment. files are those
// that it includes. Where it spares, a section of a plugin's for which that cannot be is off; see Usable.
func (d *Document) resolved(variables, spares bool) (r *Document, files []string, err error) {
	if !bytes.Contains(d.text, []byte(includeField)) && !bytes.Contains(d.text, []byte("${")) {
		return d, nil, nil
	}
	out := *d
	s := &resolver{document: d, spares: spares}
	if out.root, err = s.included(d.root, nil, d.from.dir, 0); err != nil {
		return nil, s.files, err
	}
	if variables && d.from.env != nil {
		out.root, err = s.filled(out.root, nil)
	}
	out.faults = s.faults
	return &out, s.files, err
}

// Whole returns what a file and those that it includes say, as JSON. Names of variables stay as they are. Errors: Read's; CodeInvalid
// with the place.
func Whole(path string) (wit.JSON, error) {
	text, err := Read(path)
	if err != nil {
		return nil, err
	}
	d, err := ParseDocument(text)
	if err != nil {
		return nil, err
	}
	d.from = origin{dir: filepath.Dir(path)}
	if d, _, err = d.resolved(false, false); err != nil {
		return nil, err
	}
	whole, _ := d.Get()
	return whole, nil
}

// included is a value with what it includes, which stands below what is beside it.
func (s *resolver) included(n *node, path []string, dir string, depth int) (*node, error) {
	out := &node{at: n.at, kind: n.kind, scalar: n.scalar}
	var under *node
	for _, f := range n.fields {
		if f.name == includeField {
			var err error
			if under, err = s.include(f, path, dir, depth); err != nil {
				return nil, err
			}
			continue
		}
		at := append(path[:len(path):len(path)], f.name)
		value, err := s.included(f.value, at, dir, depth)
		if value, err = s.spared(f.value, at, value, err); err != nil {
			return nil, err
		}
		if value != nil {
			out.fields = append(out.fields, &named{f.name, f.at, value})
		}
	}
	for _, item := range n.items {
		value, err := s.included(item, path, dir, depth)
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, value)
	}
	if under == nil {
		return out, nil
	}
	return merged(under, out), nil
}

// include reads the files that a field names, a later one over an earlier one. Errors: CodeInvalid with the place of the field.
func (s *resolver) include(f *named, path []string, dir string, depth int) (under *node, err error) {
	var names []string
	if f.value.kind == kindText {
		names = []string{""}
		err = json.Unmarshal(f.value.scalar, &names[0])
	} else {
		err = json.Unmarshal(f.value.json(), &names)
	}
	switch {
	case err != nil:
		return nil, s.document.fault(path, f.at, "%s must be a file's name, or a list of them", includeField)
	case dir == "":
		return nil, s.document.fault(path, f.at, "%s can stand only in a file", includeField)
	case depth == maxIncludeDepth:
		return nil, s.document.fault(path, f.at, "files include each other more than %d deep", maxIncludeDepth)
	}
	under = &node{at: f.at, kind: kindObject}
	for _, name := range names {
		value, err := s.read(f, name, path, dir, depth)
		if err != nil {
			return nil, err
		}
		under = merged(under, value)
	}
	return under, nil
}

// read is what a file says, at the place of the field that includes it.
func (s *resolver) read(f *named, name string, path []string, dir string, depth int) (*node, error) {
	from := name
	if !filepath.IsAbs(from) {
		from = filepath.Join(dir, from)
	}
	if inside, err := filepath.Rel(s.document.from.dir, from); err != nil || !filepath.IsLocal(inside) {
		return nil, s.document.fault(path, f.at, "%s %.200q is outside of the folder of the config file", includeField, name)
	}
	if s.files = append(s.files, from); len(s.files) > maxIncludes {
		return nil, s.document.fault(path, f.at, "more than %d files are included", maxIncludes)
	}
	text, err := Read(from)
	if err != nil {
		return nil, s.document.fault(path, f.at, "%s %.200q cannot be read: %v", includeField, name, err)
	}
	d, err := ParseDocument(text)
	if err != nil {
		return nil, s.document.fault(path, f.at, "%s %.200q: %v", includeField, name, err)
	}
	if d.root.kind != kindObject {
		return nil, s.document.fault(path, f.at, "%s %.200q must hold an object, not %s", includeField, name, d.root.kind)
	}
	return s.included(d.root.placedAt(f.at), path, filepath.Dir(from), depth+1)
}

// placedAt is a value all of which has one place.
func (n *node) placedAt(at int) *node {
	out := &node{at: at, kind: n.kind, scalar: n.scalar}
	for _, f := range n.fields {
		out.fields = append(out.fields, &named{f.name, at, f.value.placedAt(at)})
	}
	for _, item := range n.items {
		out.items = append(out.items, item.placedAt(at))
	}
	return out
}

// filled is a value with what the environment says in the place of its names. Errors: CodeInvalid, with the place, for a
// variable that is not set.
func (s *resolver) filled(n *node, path []string) (*node, error) {
	out := &node{at: n.at, kind: n.kind, scalar: n.scalar}
	if n.kind == kindText && bytes.Contains(n.scalar, []byte("${")) {
		return s.text(n, path)
	}
	for _, f := range n.fields {
		at := append(path[:len(path):len(path)], f.name)
		value, err := s.filled(f.value, at)
		if value, err = s.spared(f.value, at, value, err); err != nil {
			return nil, err
		}
		if value != nil {
			out.fields = append(out.fields, &named{f.name, f.at, value})
		}
	}
	for _, item := range n.items {
		value, err := s.filled(item, path)
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, value)
	}
	return out, nil
}

// spared is what becomes of a section that was resolved, or could not be.
func (s *resolver) spared(section *node, path []string, resolved *node, err error) (*node, error) {
	f := FaultOf(err)
	if f == nil || !s.spares || len(sectionOf(path)) != len(path) {
		return resolved, err
	}
	s.faults = append(s.faults, &Fault{f.Path, title(f.Path) + ": " + f.Message, f.place})
	return section.off(path), nil
}

func (s *resolver) text(n *node, path []string) (*node, error) {
	var text string
	if err := json.Unmarshal(n.scalar, &text); err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "read a text of the settings: %w", err)
	}
	var missing error
	text = variable.ReplaceAllStringFunc(text, func(name string) string {
		if name[1] == '$' {
			return name[1:]
		}
		value, ok := s.document.from.env(name[2 : len(name)-1])
		if !ok {
			missing = s.document.fault(path, n.at, "%s: there is no such variable in the environment; a text of that kind is written $%s", name, name)
		}
		return value
	})
	return &node{at: n.at, kind: kindText, scalar: quoted(text)}, missing
}
