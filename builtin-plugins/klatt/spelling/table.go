package spelling

import "strings"

// table is lines of a word and what it stands for. It is searched as it is: few words are asked for, and nothing has to be built
// by an instance that says nothing.
type table string

// find returns what a word stands for, "" where it is not there.
func (t table) find(word string) string {
	_, rest, found := strings.Cut(string(t), "\n"+word+" ")
	if !found {
		return ""
	}
	value, _, _ := strings.Cut(rest, "\n")
	return value
}
