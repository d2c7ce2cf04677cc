package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// attributes are the facts in a piece of documentation: its lines that begin with @.
type attributes struct {
	doc   string // the other lines
	words map[string]string
	// limits are the values of @limit, which may stand several times.
	limits []limit
}

// limit bounds something that is no value: how many records a plugin may keep, how often it may call.
type limit struct {
	name  string
	value int64
	text  string // as it is shown
}

// place is what may stand somewhere, alone or with a value. Everything else is a mistake.
type place struct{ alone, valued []string }

var (
	onFields     = place{[]string{"required", "object", "operations", "label"}, []string{"min", "max", "cut", "pattern", "means", "default", "kind"}}
	onAliases    = place{[]string{"required", "object"}, []string{"min", "max", "cut", "pattern", "means"}}
	onRecords    = place{nil, []string{"one-of", "max"}}
	onEnums      = place{[]string{"open"}, nil}
	onCases      = place{[]string{"cancels"}, []string{"modifies"}}
	onFunctions  = place{[]string{"pure"}, []string{"class", "instances", "deadline", "optional", "unless"}}
	onInterfaces = place{[]string{"kind", "granted", "pure"}, []string{"permission", "limit", "class", "instances", "deadline"}}
	onWorlds     = place{nil, []string{"limit"}}
)

// attributesOf splits documentation into words for readers and facts for the generator.
func attributesOf(text, where string, allowed place) (attributes, error) {
	a := attributes{words: map[string]string{}}
	var doc []string
	for line := range strings.SplitSeq(text, "\n") {
		fact, ok := strings.CutPrefix(strings.TrimSpace(line), "@")
		if !ok {
			doc = append(doc, line)
			continue
		}
		name, value, _ := strings.Cut(fact, " ")
		value = strings.TrimSpace(value)
		valued := slices.Contains(allowed.valued, name)
		switch {
		case !valued && !slices.Contains(allowed.alone, name):
			return a, fmt.Errorf("%s: @%s may not stand here: use %s", where, name, strings.Join(slices.Concat(allowed.alone, allowed.valued), ", "))
		case a.has(name):
			return a, fmt.Errorf("%s: @%s stands twice", where, name)
		case valued != (value != ""):
			return a, fmt.Errorf("%s: @%s: a value is missing, or there is one that it does not take", where, name)
		case name == "limit":
			of, text, _ := strings.Cut(value, " ")
			n, err := quantity(strings.TrimSpace(text))
			if err != nil {
				return a, fmt.Errorf("%s: @limit %s: %w", where, of, err)
			}
			shown := thousands(n)
			if strings.HasSuffix(of, "-bytes") {
				shown = bytesText(n)
			}
			a.limits = append(a.limits, limit{of, n, shown + " " + strings.TrimSuffix(strings.ReplaceAll(of, "-", " "), " bytes")})
		default:
			a.words[name] = value
		}
	}
	a.doc = strings.TrimSpace(strings.Join(doc, "\n"))
	return a, nil
}

func (a attributes) has(name string) bool {
	_, ok := a.words[name]
	return ok
}

// units of a quantity: bytes, or milliseconds.
var units = []struct {
	name   string
	factor int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"ms", 1}, {"min", 60_000}, {"s", 1000}}

// quantity reads a number with or without a unit.
func quantity(text string) (int64, error) {
	factor := int64(1)
	digits := text
	for _, u := range units {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			digits, factor = rest, u.factor
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > (1<<62)/factor {
		return 0, fmt.Errorf("%q is not a number with one of the units KiB, MiB, GiB, ms, s, min", text)
	}
	return n * factor, nil
}
