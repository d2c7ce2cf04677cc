package kerneltest

import (
	"regexp"
	"runtime"
	"slices"
	"strings"
)

var bubble = regexp.MustCompile(`^goroutine .*(synctest bubble \d+)`)

// stacks says what the goroutines wait for, for a test that has waited in vain: those of its bubble of testing/synctest, or all
// where it is in none.
func stacks() string {
	b := make([]byte, 4<<20)
	mine := bubble.FindSubmatch(b[:runtime.Stack(b, false)])
	all := strings.Split(string(b[:runtime.Stack(b, true)]), "\n\n")
	if mine != nil {
		all = slices.DeleteFunc(all, func(s string) bool {
			other := bubble.FindStringSubmatch(s)
			return other == nil || other[1] != string(mine[1])
		})
	}
	return strings.Join(all, "\n\n")
}
