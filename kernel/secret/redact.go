package secret

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/carapace-gateway/carapace/kernel/leak"
	"github.com/carapace-gateway/carapace/kernel/plain"
)

// Lengths from which a text is searched for. Shorter values would hit ordinary words.
const (
	leastValue = 8
	leastLine  = 16 // of a value of several lines
)

// vaultGroup is the group of credentials.
const vaultGroup = "vault"

// Redactor takes secrets out of text. The zero value knows none. It is cheap enough for every log
// line: one pass over the text, however many secrets there are.
type Redactor struct {
	mu       sync.Mutex
	groups   map[string][]string
	replacer atomic.Pointer[strings.Replacer]
	own      atomic.Pointer[leak.Finder] // of the groups that belong to nobody but the gateway
}

// Learn makes values the secrets of a group, in place of what the group had. Values of less than eight
// bytes are not searched for. The forms that leak.Forms knows of a value are secret too, and so are those of each longer line
// of a value of several.
// It is called at each change of a group and costs as much as there are secrets; Redact sees all of the old or all
// of the new ones.
func (r *Redactor) Learn(group string, values ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.groups == nil {
		r.groups = map[string][]string{}
	}
	r.groups[group] = values
	var own []string
	forms := map[string]bool{}
	for name, values := range r.groups {
		if name != vaultGroup {
			own = append(own, values...)
		}
		for _, v := range values {
			addForms(forms, v)
		}
	}
	r.own.Store(leak.NewFinder(own))
	// The longest first, so that a secret that contains another goes as a whole.
	list := slices.SortedFunc(maps.Keys(forms), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
	})
	if len(list) == 0 {
		r.replacer.Store(nil)
		return
	}
	pairs := make([]string, 0, 2*len(list))
	for _, form := range list {
		pairs = append(pairs, form, plain.Redacted)
	}
	r.replacer.Store(strings.NewReplacer(pairs...))
}

// Redact returns s with every secret replaced. Without one it returns s itself.
func (r *Redactor) Redact(s string) string {
	if rep := r.replacer.Load(); rep != nil {
		return rep.Replace(s)
	}
	return s
}

// addForms adds the forms of a value. Lines are for keys in PEM, which logs show line by line.
func addForms(forms map[string]bool, value string) {
	if len(value) < leastValue {
		return
	}
	texts := []string{value}
	if lines := strings.Split(value, "\n"); len(lines) > 1 {
		for _, line := range lines {
			if line = strings.TrimSpace(line); len(line) >= leastLine {
				texts = append(texts, line)
			}
		}
	}
	for _, text := range texts {
		for _, form := range leak.Forms(text) {
			forms[form] = true
		}
	}
}
