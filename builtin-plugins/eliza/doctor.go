package eliza

import "strings"

// doctor is one conversation: which of a rule's replies comes next, and what was kept for a lull.
type doctor struct {
	used   map[string]int // replies used so far, by rule
	memory []string
}

func newDoctor() *doctor { return &doctor{used: map[string]int{}} }

// reply answers one message.
func (d *doctor) reply(message string) string {
	if strings.TrimSpace(message) == "" {
		return d.next("silence", silences)
	}
	clauses := split(message)
	if len(clauses) == 0 {
		return d.next("foreign", foreign)
	}
	for _, clause := range clauses {
		if said := d.answer(clause); said != "" {
			return said
		}
	}
	if len(d.memory) > 0 {
		said := d.memory[0]
		d.memory = d.memory[1:]
		return said
	}
	return d.next("nothing", lulls)
}

// answer tries the clause's keywords, the weightiest first, and returns "" when none applies.
func (d *doctor) answer(clause []word) string {
	for _, key := range keywordsIn(clause) {
		if key.word == memoryWord {
			d.remember(clause)
		}
		if said := d.apply(key, clause); said != "" {
			return said
		}
	}
	return ""
}

// apply uses the keyword's first rule that matches.
func (d *doctor) apply(key *keyword, clause []word) string {
	for i := range key.rules {
		rule := &key.rules[i]
		groups, ok := match(rule.pattern, clause)
		if !ok {
			continue
		}
		said := d.next(key.word+" "+rule.pattern, rule.replies)
		if to, ok := strings.CutPrefix(said, "="); ok {
			return d.apply(lookup(to), clause)
		}
		return fill(said, groups)
	}
	return ""
}

// maxMemory is how many remarks are kept.
const maxMemory = 8

// remember keeps a remark about what is the person's, to come back to when there is nothing to say.
func (d *doctor) remember(clause []word) {
	if groups, ok := match(memoryRule.pattern, clause); ok && len(d.memory) < maxMemory {
		d.memory = append(d.memory, fill(d.next("memory", memoryRule.replies), groups))
	}
}

// next takes turns through replies, so that nothing is said twice in a row.
func (d *doctor) next(rule string, replies []string) string {
	said := replies[d.used[rule]%len(replies)]
	d.used[rule]++
	return said
}

// keywordsIn returns the keywords of a clause, by falling rank and then by place.
func keywordsIn(clause []word) []*keyword {
	var found []*keyword
	for _, w := range clause {
		key := lookup(w.folded)
		if key == nil {
			continue
		}
		at := len(found)
		for at > 0 && found[at-1].rank < key.rank {
			at--
		}
		found = append(found, nil)
		copy(found[at+1:], found[at:])
		found[at] = key
	}
	return found
}

// lookup finds the keyword for a word or one of its synonyms, nil when there is none.
func lookup(folded string) *keyword {
	for i := range script {
		if script[i].word == folded || isOneOf(folded, script[i].alike) {
			return &script[i]
		}
	}
	return nil
}

// isOneOf reports whether one of the words of a list, separated by spaces, is w.
func isOneOf(w, list string) bool {
	for item := range strings.SplitSeq(list, " ") {
		if item == w && w != "" {
			return true
		}
	}
	return false
}
