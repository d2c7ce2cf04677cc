package wit

import (
	"math"
	"strconv"
	"strings"
)

// maxProblems is how many problems one error names.
const maxProblems = 8

// problems collects what is wrong with a value. Nothing is allocated while nothing is. The paths grow
// from the inside: whoever checked a part puts its name before what was found there.
type problems struct {
	list []problem
	// invalid is set by a problem that is more than too much of something.
	invalid bool
}

type problem struct{ path, text string }

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	var all []string
	for _, one := range p.list {
		all = append(all, one.path+": "+one.text)
	}
	code := CodeTooLarge
	if p.invalid {
		code = CodeInvalid
	}
	return NewError(code, strings.Join(all, "; "))
}

// add notes a problem with a field, or with an item of it unless index is negative.
func (p *problems) add(code Code, name string, index int, text string) {
	p.invalid = p.invalid || code == CodeInvalid
	if len(p.list) < maxProblems {
		p.list = append(p.list, problem{place(name, index), text})
	}
}

func place(name string, index int) string {
	if index < 0 {
		return name
	}
	return name + "[" + strconv.Itoa(index) + "]"
}

// within says that what was found after the first n problems stands in a field, or in an item of it.
func (p *problems) within(n int, name string, index int) {
	for i := n; i < len(p.list); i++ {
		p.list[i].path = place(name, index) + "." + p.list[i].path
	}
}

func (p *problems) missing(name string, index int) { p.add(CodeInvalid, name, index, "is missing") }

// bytes and items say that a length is out of its bounds; high is 0 where there is none. A length that
// only must not be too large is that of content, and the code says so; the others are those of names.
func (p *problems) bytes(name string, index, n, low, high int) {
	p.length(name, index, n, low, high, " bytes")
}
func (p *problems) items(name string, index, n, low, high int) {
	p.length(name, index, n, low, high, " items")
}

func (p *problems) length(name string, index, n, low, high int, unit string) {
	if n == 0 {
		p.missing(name, index)
		return
	}
	code, allowed := CodeInvalid, strconv.Itoa(low)+" to "+strconv.Itoa(high)
	switch {
	case low == 0:
		code, allowed = CodeTooLarge, "at most "+strconv.Itoa(high)
	case high == 0:
		allowed = "at least " + strconv.Itoa(low)
	}
	p.add(code, name, index, "has "+strconv.Itoa(n)+unit+", "+allowed+" are allowed")
}

func (p *problems) number(name string, n, low, high int64) {
	allowed := strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10)
	switch {
	case low == math.MinInt64:
		allowed = "at most " + strconv.FormatInt(high, 10)
	case high == math.MaxInt64:
		allowed = "at least " + strconv.FormatInt(low, 10)
	}
	p.add(CodeInvalid, name, -1, strconv.FormatInt(n, 10)+" is not "+allowed)
}

func (p *problems) mismatch(name string, index int, value, means string) {
	if value == "" {
		p.add(CodeInvalid, name, index, "is missing: use "+means)
		return
	}
	p.add(CodeInvalid, name, index, quote(value)+" is not "+means)
}

func (p *problems) unknown(name string, index int, value string) {
	p.add(CodeInvalid, name, index, quote(value)+" is not known")
}

func (p *problems) operation(name string, index int, kind, value string) {
	p.add(CodeInvalid, name, index, quote(value)+" is none of "+strings.Join(Operations(kind), ", "))
}

func (p *problems) object(name string) { p.add(CodeInvalid, name, -1, "is not an object") }

func (p *problems) oneOf(names string) { p.add(CodeInvalid, names, -1, "give one of them") }

// quote shows the first bytes of a text.
func quote(text string) string {
	if len(text) > 80 {
		text = text[:80]
	}
	return strconv.Quote(text)
}

// blank reports whether a text has nothing but white space.
func blank(text string) bool { return strings.TrimSpace(text) == "" }

// count returns how many are true.
func count(set ...bool) int {
	n := 0
	for _, one := range set {
		if one {
			n++
		}
	}
	return n
}

// operation reports whether a kind has an optional function of this name.
func operation(kind, name string) bool {
	for i := range exports {
		if f := &exports[i]; f.Optional && f.Capability == kind && f.Operation == name {
			return true
		}
	}
	return false
}
