package manifest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Bounds on a schema, which somebody else wrote. What one says about a value can grow with each level: two references
// to a schema that has two references are four, and so on. So its size written out is bounded, and what is left (a
// schema that refers to itself, a long value) by the work of each check.
const (
	maxDepth      = 64      // of objects and lists in each other
	maxReferences = 1_000   //
	maxExpanded   = 100_000 // schemas and values, with each reference written out once where it stands
	maxPattern    = 1_000   // bytes of a regular expression
	maxPatternOps = 5_000   // of the program that it becomes

	stepsBase    = 50_000 // of one check
	stepsPerByte = 4      // of the value
	matchStep    = 64     // bytes times operations of a regular expression that count as one step
)

// measure says what about a schema is too large, or nil.
func measure(doc any) error {
	m := &measurement{root: doc, known: map[string]int{}}
	_, err := m.size(doc, 0)
	return err
}

// measurement adds up a schema.
type measurement struct {
	root       any
	references int
	known      map[string]int // sizes by reference; 0 while it is being measured
}

// size is how many values doc has, with references written out; a reference back to where it stands counts as one.
func (m *measurement) size(doc any, depth int) (int, error) {
	if depth > maxDepth {
		return 0, fmt.Errorf("is deeper than %d levels", maxDepth)
	}
	total := 1
	add := func(v any) error {
		n, err := m.size(v, depth+1)
		if total += n; err == nil && total > maxExpanded {
			err = fmt.Errorf("has more than %d parts when its references are written out", maxExpanded)
		}
		return err
	}
	switch d := doc.(type) {
	case []any:
		for _, v := range d {
			if err := add(v); err != nil {
				return 0, err
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(d)) { // so that the same schema is refused in the same words
			v := d[name]
			if err := add(v); err != nil {
				return 0, err
			}
			if ref, isText := v.(string); isText && strings.HasSuffix(name, "ef") && strings.HasPrefix(name, "$") {
				n, err := m.reference(ref, depth)
				if total += n; err == nil && total > maxExpanded {
					err = fmt.Errorf("has more than %d parts when its references are written out", maxExpanded)
				}
				if err != nil {
					return 0, err
				}
			}
		}
	}
	return total, nil
}

// reference is the size of what a reference names. One by an anchor or an address, which takes a compiler to resolve,
// counts as the whole schema.
func (m *measurement) reference(ref string, depth int) (int, error) {
	if m.references++; m.references > maxReferences {
		return 0, fmt.Errorf("has more than %d references", maxReferences)
	}
	if n, ok := m.known[ref]; ok {
		return n, nil
	}
	m.known[ref] = 0
	n, err := m.size(m.find(ref), depth+1)
	m.known[ref] = n
	return n, err
}

// find follows a reference such as #/$defs/name.
func (m *measurement) find(ref string) any {
	pointer, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return m.root
	}
	at := m.root
	for part := range strings.SplitSeq(pointer, "/") {
		object, isObject := at.(map[string]any)
		next, found := object[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]
		if !isObject || !found {
			return m.root
		}
		at = next
	}
	return at
}

// work counts what a check does, and ends it. One check at a time uses a schema, since the steps that its parts take
// are counted in one place.
type work struct {
	mu   sync.Mutex
	ctx  context.Context
	left int
	err  error
}

// errEnded is what ends a check from within.
var errEnded = errors.New("ended")

// within runs check with steps for a value of so many bytes.
func (w *work) within(ctx context.Context, bytes int, check func() error) (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.left, w.err = ctx, stepsBase+stepsPerByte*bytes, nil
	defer func() {
		w.ctx = nil
		if r := recover(); r == any(errEnded) {
			err = w.err
		} else if r != nil {
			panic(r)
		}
	}()
	return check()
}

// contextEvery is how many steps go by between two looks at whether the caller has given up.
const contextEvery = 256

// take uses steps, or ends the check.
func (w *work) take(steps int) {
	if w.ctx == nil { // the compiler checks the schema itself, whose size is bounded
		return
	}
	before := w.left
	if w.left -= steps; w.left < 0 {
		w.err = errors.New("cannot be checked: the schema is too much work for this value")
		panic(errEnded)
	}
	if before/contextEvery != w.left/contextEvery && w.ctx.Err() != nil {
		w.err = fmt.Errorf("was not checked in time: %w", context.Cause(w.ctx))
		panic(errEnded)
	}
}

// vocabulary makes each part of a schema count as a step.
func (w *work) vocabulary() *jsonschema.Vocabulary {
	return &jsonschema.Vocabulary{URL: "carapace:steps", Compile: func(*jsonschema.CompilerContext, map[string]any) (jsonschema.SchemaExt, error) {
		return step{w}, nil
	}}
}

// step is the keyword that every part of a schema has without knowing.
type step struct{ work *work }

// Validate implements jsonschema.SchemaExt.
func (s step) Validate(*jsonschema.ValidatorContext, any) { s.work.take(1) }

// pattern compiles a regular expression whose matching counts as steps.
func (w *work) pattern(text string) (jsonschema.Regexp, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("a pattern has more than %d bytes", maxPattern)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if len(program.Inst) > maxPatternOps {
		return nil, fmt.Errorf("a pattern is too complicated: make its repetitions smaller")
	}
	compiled, err := regexp.Compile(text)
	return &counted{compiled, w, len(program.Inst)}, err
}

// counted is a regular expression that takes steps.
type counted struct {
	*regexp.Regexp
	work *work
	ops  int
}

// MatchString implements jsonschema.Regexp.
func (c *counted) MatchString(s string) bool {
	c.work.take(1 + utf8.RuneCountInString(s)*c.ops/matchStep)
	return c.Regexp.MatchString(s)
}
