package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

// maxDepth bounds how deeply the settings may be nested.
const maxDepth = 64

// Document is the text of a config file, which is JSON or JSON5, as JSON whose fields keep their order and know their place. It is not
// safe for concurrent use.
type Document struct {
	text []byte
	root *node
	// placed says that text is what somebody wrote, so that its lines mean something to them.
	placed bool
	// from is where it comes from.
	from origin
	// broken is why the text cannot be read; it can only be replaced then.
	broken error
	// faults are what is wrong with sections that are off for that; see Usable.
	faults []*Fault
}

// node is one value.
type node struct {
	at     int      // where it begins in the text
	kind   kind     // what it is
	scalar wit.JSON // of all but lists and objects
	fields []*named // of an object
	items  []*node  // of a list
}

// named is a field of an object.
type named struct {
	name  string
	at    int // where the name begins
	value *node
}

// kind is what a value is, in the words of an error.
type kind string

const (
	kindObject kind = "an object"
	kindList   kind = "a list"
	kindText   kind = "a text"
	kindNumber kind = "a number"
	kindTruth  kind = "true or false"
	kindNull   kind = "null"
)

// ParseDocument reads a text, which may be JSON5. An empty one is an empty object. Errors: CodeInvalid with the line and the column for
// what is no JSON, a field that stands twice in an object, and more than 64 levels.
func ParseDocument(text []byte) (*Document, error) {
	d := &Document{text: text, root: &node{kind: kindObject}, placed: true}
	if len(bytes.TrimSpace(text)) == 0 {
		return d, nil
	}
	p := &parser{document: d}
	p.text, p.from = relaxed(text)
	if len(bytes.TrimSpace(p.text)) == 0 {
		return d, nil // comments alone
	}
	p.tokens = json.NewDecoder(bytes.NewReader(p.text))
	p.tokens.UseNumber()
	root, err := p.value(0)
	if err != nil {
		return nil, p.explain(err)
	}
	if at := p.next(); at < len(p.text) {
		return nil, d.wrong(p.place(at), "text after the end of the settings")
	}
	d.root = root
	return d, nil
}

// parser reads a document token by token.
type parser struct {
	document *Document
	tokens   *json.Decoder
	text     []byte // as JSON
	from     []int  // where each of its bytes stands in the document's; nil where that is the same
}

// place is where a byte of the text stands in the document's.
func (p *parser) place(at int) int {
	switch {
	case p.from == nil:
		return at
	case at < len(p.from):
		return p.from[max(0, at)]
	}
	return len(p.document.text)
}

// next is where the next token begins.
func (p *parser) next() int {
	at := int(p.tokens.InputOffset())
	for at < len(p.text) && strings.IndexByte(" \t\r\n,:", p.text[at]) >= 0 {
		at++
	}
	return at
}

// value reads one value.
func (p *parser) value(depth int) (*node, error) {
	begin := p.next()
	n := &node{at: p.place(begin)}
	if depth > maxDepth {
		return nil, p.document.wrong(n.at, "the settings are nested more than %d levels deep", maxDepth)
	}
	token, err := p.tokens.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '[' {
			return n, p.list(n, depth)
		}
		return n, p.object(n, depth)
	case string:
		n.kind = kindText
	case json.Number:
		n.kind = kindNumber
	case bool:
		n.kind = kindTruth
	default:
		n.kind = kindNull
	}
	n.scalar = wit.JSON(p.text[begin:p.tokens.InputOffset()])
	return n, nil
}

func (p *parser) list(n *node, depth int) error {
	n.kind = kindList
	for p.tokens.More() {
		item, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	_, err := p.tokens.Token()
	return err
}

func (p *parser) object(n *node, depth int) error {
	n.kind = kindObject
	for p.tokens.More() {
		at := p.place(p.next())
		token, err := p.tokens.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if n.field(name) != nil {
			return p.document.wrong(at, "%q stands here for the second time", name)
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.fields = append(n.fields, &named{name, at, value})
	}
	_, err := p.tokens.Token()
	return err
}

// explain says in the file's terms what is no JSON. A reader of tokens is not exact about the place, so the text is
// read once more as a whole.
func (p *parser) explain(err error) error {
	if e := (*wit.Error)(nil); errors.As(err, &e) {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return p.document.wrong(len(p.document.text), "not valid JSON: the end of the file comes too soon")
	}
	syntax := (*json.SyntaxError)(nil)
	if !errors.As(json.Unmarshal(p.text, new(json.RawMessage)), &syntax) {
		return p.document.wrong(p.place(p.next()), "not valid JSON: %v", err)
	}
	at := int(syntax.Offset) - 1
	return p.document.wrong(p.place(at), "not valid JSON: %s", p.expected(at, syntax.Error()))
}

// expected says what should stand at an offset by what the decoder was about to do there.
func (p *parser) expected(at int, doing string) string {
	found, _ := utf8.DecodeRune(p.text[max(0, min(at, len(p.text))):])
	for _, e := range [][2]string{
		{"beginning of object key string", "a name in quotation marks"}, {"after object key:value pair", "a comma or }"}, {"after object key", "a colon"},
		{"after array element", "a comma or ]"}, {"after top-level value", "the end"}, {"hexadecimal", "a hexadecimal digit"},
		{"in string escape", `one of " \ / b f n r t u`}, {"in string literal", `the end of the text (a line's end in it is \n)`},
		{"in numeric literal", "a digit"}, {"beginning of value", "a value (a text stands in quotation marks)"},
	} {
		if strings.Contains(doing, e[0]) {
			return fmt.Sprintf("%s is expected here, not %q", e[1], found)
		}
	}
	return fmt.Sprintf("true, false or null is expected here, and nothing else without quotation marks; not %q", found)
}

// wrong is CodeInvalid with the place of an offset, where that means something to who wrote the text.
func (d *Document) wrong(offset int, format string, args ...any) error {
	return d.fault(nil, offset, format, args...)
}

// fault is wrong about the setting at a path.
func (d *Document) fault(path []string, offset int, format string, args ...any) error {
	f := &Fault{Path: slices.Clone(path), Message: fmt.Sprintf(format, args...)}
	if d.placed {
		before := d.text[:max(0, min(offset, len(d.text)))]
		line := 1 + bytes.Count(before, []byte("\n"))
		column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
		f.place = fmt.Sprintf("line %d, column %d: ", line, column)
	}
	return wit.Errorf(wit.CodeInvalid, "%w", f)
}

// field finds a field of an object.
func (n *node) field(name string) *named {
	if i := slices.IndexFunc(n.fields, func(f *named) bool { return f.name == name }); i >= 0 {
		return n.fields[i]
	}
	return nil
}

// find returns what stands at a path, or how far the path leads.
func (d *Document) find(path []string) (n *node, whole bool) {
	n = d.root
	for _, name := range path {
		f := n.field(name)
		if f == nil {
			return n, false
		}
		n = f.value
	}
	return n, true
}

// Get returns the value at a path, and whether there is one.
func (d *Document) Get(path ...string) (wit.JSON, bool) {
	n, ok := d.find(path)
	if !ok {
		return nil, false
	}
	return n.json(), true
}

// Merge lays a patch over the document: fields of objects one by one, all other values whole; null takes a field away
// (RFC 7396). Errors: CodeInvalid for a patch that is no object.
func (d *Document) Merge(patch wit.JSON) error {
	if d.broken != nil {
		return unmended(d.broken)
	}
	p, err := ParseDocument(patch)
	if err != nil {
		return err
	}
	if p.root.kind != kindObject {
		return wit.Errorf(wit.CodeInvalid, "the change of the settings must be an object, not %s", p.root.kind)
	}
	d.root = merged(d.root, p.root)
	d.text, d.placed = d.root.indented(), false
	return nil
}

// Replace puts a whole other text in the document's place. Errors are those of ParseDocument.
func (d *Document) Replace(text []byte) error {
	next, err := ParseDocument(text)
	if err == nil {
		next.from = d.from
		*d = *next
	}
	return err
}

// Broken reports whether the text cannot be read, so that nobody knows what the document says: it can only be replaced.
func (d *Document) Broken() bool { return d.broken != nil }

// Text is the document as a file has it: as it was written, or indented where it was changed since.
func (d *Document) Text() []byte { return d.text }

// merged is a value with a patch laid over it.
func merged(under, over *node) *node {
	if over.kind != kindObject {
		return over
	}
	out := &node{kind: kindObject}
	if under != nil && under.kind == kindObject {
		out.fields = slices.Clone(under.fields)
	}
	for _, f := range over.fields {
		i := slices.IndexFunc(out.fields, func(known *named) bool { return known.name == f.name })
		switch {
		case f.value.kind == kindNull && i >= 0:
			out.fields = slices.Delete(out.fields, i, i+1)
		case f.value.kind == kindNull:
		case i >= 0:
			out.fields[i] = &named{name: f.name, value: merged(out.fields[i].value, f.value)}
		default:
			out.fields = append(out.fields, &named{name: f.name, value: merged(nil, f.value)})
		}
	}
	return out
}

// json is the value on one line.
func (n *node) json() wit.JSON {
	var b bytes.Buffer
	n.write(&b)
	return b.Bytes()
}

func (n *node) write(b *bytes.Buffer) {
	switch n.kind {
	case kindObject:
		b.WriteByte('{')
		for i, f := range n.fields {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(quoted(f.name))
			b.WriteByte(':')
			f.value.write(b)
		}
		b.WriteByte('}')
	case kindList:
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.write(b)
		}
		b.WriteByte(']')
	default:
		b.Write(n.scalar)
	}
}

// indented is the value as a file has it.
func (n *node) indented() []byte {
	var b bytes.Buffer
	_ = json.Indent(&b, n.json(), "", "  ") // it was parsed as JSON
	b.WriteByte('\n')
	return b.Bytes()
}

// quoted is a text as JSON, with its angle brackets as they are.
func quoted(text string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a text can always be written
	return bytes.TrimRight(b.Bytes(), "\n")
}

// leaves are the document's values that are no objects, by their paths.
func (d *Document) leaves() map[string]string {
	all := map[string]string{}
	var walk func(n *node, path string)
	walk = func(n *node, path string) {
		if n.kind != kindObject || len(n.fields) == 0 {
			all[path] = string(n.json())
			return
		}
		for _, f := range n.fields {
			walk(f.value, strings.TrimPrefix(path+"."+f.name, "."))
		}
	}
	walk(d.root, "")
	return all
}
