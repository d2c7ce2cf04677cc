package leak

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Least is the length from which a secret is looked for, in bytes. Shorter ones are met in ordinary text, where a finding
// would do more harm than a secret that anybody can guess.
const Least = 12

// window is how many bytes of a form are looked up at each place; no form is shorter.
const window = 8

// Finder looks for many secrets at once. It does not change once it is made, and is safe for concurrent use.
//
// At each place of a text the next eight bytes are hashed; a filter of 64 Ki bits says for almost all places that no form
// begins there. So a text is read once, however many secrets there are.
type Finder struct {
	filter [1 << 10]uint64
	forms  map[uint64][]form
}

// form is one form of a secret, and whose it is: a number of who made the Finder.
type form struct {
	text  string
	whose int
}

// NewFinder returns a Finder of secrets, which are known by their place in the list. Those that are shorter than Least are
// not looked for. nil is returned where nothing is left, and finds nothing.
func NewFinder(secrets []string) *Finder {
	f := &Finder{forms: map[uint64][]form{}}
	for i, secret := range secrets {
		if len(secret) < Least {
			continue
		}
		for _, text := range Forms(secret) {
			first := binary.LittleEndian.Uint64([]byte(text[:window]))
			bit := hash(first)
			f.filter[bit/64] |= 1 << (bit % 64)
			f.forms[first] = append(f.forms[first], form{text, i})
		}
	}
	if len(f.forms) == 0 {
		return nil
	}
	return f
}

// hash spreads eight bytes over the filter's bits, by a multiplication with the golden ratio's fraction (Knuth, volume 3, 6.4).
func hash(first uint64) uint64 { return first * 0x9e3779b97f4a7c15 >> 48 }

// Find returns whose secrets are in a text, each once and in the order of their places.
func (f *Finder) Find(text string) (whose []int) {
	if f == nil || len(text) < window {
		return nil
	}
	next := binary.LittleEndian.Uint64([]byte(text[:window]))
	for i := 0; ; i++ {
		if bit := hash(next); f.filter[bit/64]&(1<<(bit%64)) != 0 {
			for _, found := range f.forms[next] {
				if strings.HasPrefix(text[i:], found.text) && !slices.Contains(whose, found.whose) {
					whose = append(whose, found.whose)
				}
			}
		}
		if i+window >= len(text) {
			return whose
		}
		next = next>>8 | uint64(text[i+window])<<56
	}
}
