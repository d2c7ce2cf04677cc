package wit

// Bound is a field with bounds, as the generator read it. Low and High are items of a list, bytes of a
// text, of JSON or of bytes, or the value of a number. With Item it is about the items of a list of texts.
type Bound struct {
	New       func() Record
	Record    string
	Field     string
	Item      bool
	Required  bool
	Low, High int64
	Pattern   *pattern
	// Default says that the empty value stands for another one, and is allowed.
	Default bool
}

// Sample returns a text of n bytes that the pattern matches, false when there is none.
func (p *pattern) Sample(n int) (string, bool) {
	states := len(p.accept)
	// can[k] are the states from which k more bytes lead to the end.
	can := make([][]bool, n+1)
	for k := range can {
		can[k] = make([]bool, states)
		for s := range states {
			if k == 0 {
				can[k][s] = p.accept[s] == 1
				continue
			}
			for c := range p.width {
				can[k][s] = can[k][s] || can[k-1][p.next[s*p.width+c]]
			}
		}
	}
	if !can[n][1] {
		return "", false
	}
	out, state := make([]byte, 0, n), 1
	for k := n; k > 0; k-- {
		for b := byte(' '); b < 0x7f; b++ {
			if next := int(p.next[state*p.width+int(p.class[b])]); can[k-1][next] {
				out, state = append(out, b), next
				break
			}
		}
	}
	return string(out), len(out) == n
}

// Match reports whether a text matches.
func (p *pattern) Match(text string) bool { return p.match(text) }
