package rpc

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxComplaints bounds the text of an error that a peer can cause.
const maxComplaints = 8

// checker walks valid JSON beside its shape and collects what does not fit.
type checker struct {
	b          []byte
	i          int
	complaints []string
}

func (c *checker) complain(path, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = "at " + path + ": " + text
	}
	if len(c.complaints) < maxComplaints && !slices.Contains(c.complaints, text) {
		c.complaints = append(c.complaints, text)
	}
}

// peek returns the next byte that is no space.
func (c *checker) peek() byte {
	for c.b[c.i] == ' ' || c.b[c.i] == '\n' || c.b[c.i] == '\t' || c.b[c.i] == '\r' {
		c.i++
	}
	return c.b[c.i]
}

func (c *checker) value(s *shape, path string) {
	switch next := c.peek(); {
	case s.kind == kindAny:
		c.skip()
	case next == 'n':
		c.skip()
		if !s.null {
			c.complain(path, "must be %s", s.kind)
		}
	case next == '{' && s.kind == kindObject:
		c.object(s, path)
	case next == '{' && s.kind == kindMap:
		c.entries(s, path)
	case next == '[' && s.kind == kindArray:
		c.items(s, path)
	case next == '"' && s.kind == kindString:
		c.text(s, path)
	case (next == 't' || next == 'f') && s.kind == kindBoolean:
		c.skip()
	case (next == '-' || next >= '0' && next <= '9') && (s.kind == kindInteger || s.kind == kindNumber):
		c.number(s, path)
	default:
		c.skip()
		c.complain(path, "must be %s", s.kind)
	}
}

func (k kind) String() string {
	return [...]string{"any", "string", "integer", "number", "boolean", "array", "object", "object"}[k]
}

func (c *checker) object(s *shape, path string) {
	seen := make([]string, 0, len(s.required))
	c.each(func(key string) {
		field, ok := s.byName[key]
		if !ok {
			c.skip()
			where := path
			if where == "" {
				where = "root"
			}
			c.complain(where, "unexpected property '%s'", clip(key))
			return
		}
		if field.tag.required {
			seen = append(seen, key)
		}
		c.value(field.shape, path+"/"+key)
	})
	for _, name := range s.required {
		if !slices.Contains(seen, name) {
			c.complain(path, "must have required property '%s'", name)
		}
	}
}

func (c *checker) entries(s *shape, path string) {
	n := 0
	c.each(func(key string) {
		n++
		c.value(s.elem, path+"/"+clip(key))
	})
	c.bounds(s, path, float64(n), "must NOT have fewer than %s properties", "must NOT have more than %s properties")
}

// each calls field, which must consume the value, with every key of the object at hand.
func (c *checker) each(field func(key string)) {
	c.i++ // {
	for c.peek() != '}' {
		if c.b[c.i] == ',' {
			c.i++
			c.peek()
		}
		start := c.i
		c.skip()
		key := unquote(c.b[start:c.i])
		c.peek()
		c.i++ // :
		field(key)
	}
	c.i++
}

func (c *checker) items(s *shape, path string) {
	c.i++ // [
	n := 0
	for c.peek() != ']' {
		if c.b[c.i] == ',' {
			c.i++
		}
		c.value(s.elem, path+"/"+strconv.Itoa(n))
		n++
	}
	c.i++
	c.bounds(s, path, float64(n), "must NOT have fewer than %s items", "must NOT have more than %s items")
}

func (c *checker) text(s *shape, path string) {
	start := c.i
	c.skip()
	if s.tag.min == nil && s.tag.max == nil && s.tag.enum == nil {
		return
	}
	v := unquote(c.b[start:c.i])
	c.bounds(s, path, float64(utf8.RuneCountInString(v)), "must NOT have fewer than %s characters", "must NOT have more than %s characters")
	if s.tag.enum != nil && !slices.Contains(s.tag.enum, v) {
		c.complain(path, "must be one of %s", strings.Join(s.tag.enum, ", "))
	}
}

func (c *checker) number(s *shape, path string) {
	start := c.i
	c.skip()
	n, err := strconv.ParseFloat(string(c.b[start:c.i]), 64)
	if err != nil || s.kind == kindInteger && (n != math.Trunc(n) || math.Abs(n) > 1<<53 || strings.ContainsAny(string(c.b[start:c.i]), ".eE")) {
		c.complain(path, "must be %s", s.kind)
		return
	}
	c.bounds(s, path, n, "must be >= %s", "must be <= %s")
}

func (c *checker) bounds(s *shape, path string, n float64, low, high string) {
	if s.tag.min != nil && n < *s.tag.min {
		c.complain(path, low, strconv.FormatFloat(*s.tag.min, 'f', -1, 64))
	}
	if s.tag.max != nil && n > *s.tag.max {
		c.complain(path, high, strconv.FormatFloat(*s.tag.max, 'f', -1, 64))
	}
}

// skip steps over one value.
func (c *checker) skip() {
	depth := 0
	for first := c.peek(); ; {
		switch b := c.b[c.i]; {
		case b == '"':
			for c.i++; c.b[c.i] != '"'; c.i++ {
				if c.b[c.i] == '\\' {
					c.i++
				}
			}
		case b == '{' || b == '[':
			depth++
		case b == '}' || b == ']':
			depth--
		case depth == 0 && first != '"':
			c.scalar()
			return
		}
		c.i++
		if depth == 0 {
			return
		}
	}
}

func (c *checker) scalar() {
	for c.i < len(c.b) && !strings.ContainsRune(",}] \n\t\r", rune(c.b[c.i])) {
		c.i++
	}
}

func unquote(quoted []byte) string {
	if !slices.Contains(quoted, '\\') && utf8.Valid(quoted) {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	_ = json.Unmarshal(quoted, &s)
	return s
}

// clip bounds a peer's text inside an error.
func clip(s string) string {
	if len(s) <= 64 {
		return s
	}
	return strings.ToValidUTF8(s[:64], "") + "…"
}
