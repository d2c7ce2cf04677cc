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

// What may stand where. Everything else is a mistake.
var (
	onFields     = []string{"required", "min", "max", "cut", "pattern", "means", "object", "default", "operations", "label", "kind"}
	onAliases    = []string{"required", "min", "max", "cut", "pattern", "means", "object"}
	onRecords    = []string{"one-of", "max"}
	onEnums      = []string{"open"}
	onCases      = []string{}
	onFunctions  = []string{"pure", "class", "instances", "deadline", "optional", "unless"}
	onInterfaces = []string{"kind", "permission", "granted", "limit", "pure", "class", "instances", "deadline"}
	onWorlds     = []string{"limit"}
)

// withoutValue are the attributes that stand alone.
var withoutValue = []string{"required", "object", "operations", "label", "open", "pure", "granted"}

// attributesOf splits documentation into words for readers and facts for the generator.
func attributesOf(text, where string, allowed []string) (attributes, error) {
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
		_, twice := a.words[name]
		switch {
		case !slices.Contains(allowed, name):
			return a, fmt.Errorf("%s: @%s may not stand here: use %s", where, name, strings.Join(allowed, ", "))
		case twice:
			return a, fmt.Errorf("%s: @%s stands twice", where, name)
		// @kind of an interface stands alone, that of a field names one.
		case name == "kind" && (value == "") != slices.Contains(allowed, "granted"),
			name != "kind" && (value == "") != slices.Contains(withoutValue, name):
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
