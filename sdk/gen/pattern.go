package main

import (
	"bytes"
	"fmt"
	"regexp/syntax"
	"slices"
	"unicode"
)

// pattern is a regular expression for all of a text, as a table: guests need not link package regexp, and
// matching allocates nothing. State 0 is the end of all hope, 1 the start.
type pattern struct {
	goName string
	text   string
	class  [256]byte // of each byte
	width  int       // classes
	next   []byte    // by state and class
	accept []bool    // by state
}

// pattern compiles text, or returns the one that is there already. Aliases are read before the fields that
// have their patterns, so the name is the alias's.
func (b *builder) pattern(name, text string) (*pattern, error) {
	for _, p := range b.model.patterns {
		if p.text == text {
			return p, nil
		}
	}
	p, err := compile(text)
	if err != nil {
		return nil, err
	}
	p.goName = "pattern" + name
	b.model.patterns = append(b.model.patterns, p)
	return p, nil
}

// compile makes the table by the construction of subsets.
func compile(text string) (*pattern, error) {
	parsed, err := syntax.Parse("^(?:"+text+")$", syntax.Perl)
	if err != nil {
		return nil, err
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	for _, in := range prog.Inst {
		if (in.Op == syntax.InstRune || in.Op == syntax.InstRune1) && !bytewise(in) {
			return nil, fmt.Errorf("%s tells letters beyond ASCII apart, which is not built", text)
		}
	}
	p := &pattern{text: text}
	moves, err := subsets(prog, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	p.pack(moves)
	return p, nil
}

// bytewise reports whether an instruction takes no rune beyond ASCII or all of them, so that bytes can be
// looked at one by one. It has one rune, or the ends of ranges; U+017F and U+212A are the runes beyond that fold to ASCII.
func bytewise(in syntax.Inst) bool {
	if len(in.Rune) == 1 {
		return in.Rune[0] <= unicode.MaxASCII && !in.MatchRune('\u017f') && !in.MatchRune('\u212a')
	}
	for i := 0; i < len(in.Rune); i += 2 {
		if lo, hi := in.Rune[i], in.Rune[i+1]; hi > unicode.MaxASCII && (lo > unicode.MaxASCII+1 || hi < unicode.MaxRune) {
			return false
		}
	}
	return true
}

// subsets returns for each state what each byte leads to.
func subsets(prog *syntax.Prog, p *pattern) ([][256]byte, error) {
	key := func(set []uint32) string { return fmt.Sprint(set) }
	start := closure(prog, []uint32{uint32(prog.Start)}, true)
	states, known := [][]uint32{nil, start}, map[string]int{key(nil): 0, key(start): 1}
	var moves [][256]byte
	for at := 0; at < len(states); at++ {
		var row [256]byte
		for c := range 256 {
			var to []uint32
			for _, pc := range states[at] {
				r := rune(c)
				if c >= 0x80 {
					r = 0x4E00
				}
				if in := prog.Inst[pc]; runs(in.Op) && in.MatchRune(r) {
					to = append(to, in.Out)
				}
			}
			to = closure(prog, to, false)
			n, ok := known[key(to)]
			if !ok {
				if n = len(states); n > 255 {
					return nil, fmt.Errorf("it has more than 255 states")
				}
				known[key(to)] = n
				states = append(states, to)
			}
			row[c] = byte(n)
		}
		moves = append(moves, row)
	}
	for _, set := range states {
		p.accept = append(p.accept, slices.ContainsFunc(set, func(pc uint32) bool { return prog.Inst[pc].Op == syntax.InstMatch }))
	}
	return moves, nil
}

func runs(op syntax.InstOp) bool {
	return op == syntax.InstRune || op == syntax.InstRune1 || op == syntax.InstRuneAny || op == syntax.InstRuneAnyNotNL
}

// closure follows the instructions that read nothing. The end of the text is taken for granted: only
// whole texts are asked about, and what goes on is dropped by the next byte.
func closure(prog *syntax.Prog, from []uint32, begin bool) []uint32 {
	seen := map[uint32]bool{}
	var visit func(pc uint32)
	visit = func(pc uint32) {
		if seen[pc] {
			return
		}
		seen[pc] = true
		switch in := prog.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			visit(in.Out)
			visit(in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			visit(in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&(syntax.EmptyBeginText|syntax.EmptyBeginLine) == 0 || begin {
				visit(in.Out)
			}
		}
	}
	for _, pc := range from {
		visit(pc)
	}
	var set []uint32
	for pc := range seen {
		if op := prog.Inst[pc].Op; runs(op) || op == syntax.InstMatch {
			set = append(set, pc)
		}
	}
	slices.Sort(set)
	return set
}

// pack puts bytes that always lead to the same states into one class.
func (p *pattern) pack(moves [][256]byte) {
	known := map[string]byte{}
	var columns []string
	for c := range 256 {
		var column []byte
		for _, row := range moves {
			column = append(column, row[c])
		}
		n, ok := known[string(column)]
		if !ok {
			n = byte(len(columns))
			known[string(column)] = n
			columns = append(columns, string(column))
		}
		p.class[c] = n
	}
	p.width = len(columns)
	for state := range moves {
		for _, column := range columns {
			p.next = append(p.next, column[state])
		}
	}
}

func emitPatterns(b *bytes.Buffer, m *model) {
	for _, p := range m.patterns {
		accept := make([]byte, len(p.accept))
		for i, ok := range p.accept {
			if ok {
				accept[i] = 1
			}
		}
		fmt.Fprintf(b, "// %s matches %s\nvar %s = pattern{%d, %q, %q, %q}\n\n", p.goName, p.text, p.goName, p.width, p.class[:], p.next, accept)
	}
}
