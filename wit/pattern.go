package wit

// pattern matches a whole text, byte by byte, by a table that the generator makes of a regular expression.
// State 0 has no way on, state 1 is the start.
type pattern struct {
	width  int    // classes of bytes
	class  string // of each byte
	next   string // state by state and class
	accept string // by state
}

func (p *pattern) match(text string) bool {
	state := 1
	for i := 0; i < len(text) && state != 0; i++ {
		state = int(p.next[state*p.width+int(p.class[text[i]])])
	}
	return p.accept[state] == 1
}
