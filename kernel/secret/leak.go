package secret

import (
	"github.com/carapace-gateway/carapace/kernel/leak"
)

// leaks finds the values of all credentials in texts. It does not change once it is made.
type leaks struct {
	finder *leak.Finder
	whose  []Entry
}

func newLeaks(values map[Entry]string) *leaks {
	var l leaks
	var secrets []string
	for e, value := range values {
		l.whose, secrets = append(l.whose, e), append(secrets, value)
	}
	l.finder = leak.NewFinder(secrets)
	return &l
}

// Leak returns a credential whose value is in a text, in one of the forms of leak.Forms, and to which owner has no right: it
// is that of others only. A secret of the gateway itself, its token say, is one without a name. Values of less than
// leak.Least bytes are not looked for. It reads the text once, however many credentials there are.
func (v *Vault) Leak(owner, text string) (Entry, bool) {
	if len(v.own.Load().Find(text)) > 0 {
		return Entry{Owner: "gateway"}, true
	}
	l := v.found.Load()
	if l == nil {
		return Entry{}, false
	}
	for _, i := range l.finder.Find(text) {
		if e := l.whose[i]; e.Owner != owner && !v.has(owner, e) {
			return e, true
		}
	}
	return Entry{}, false
}

// has reports whether an owner has the value of another's credential too.
func (v *Vault) has(owner string, other Entry) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for e, value := range v.values {
		if e.Owner == owner && value == v.values[other] {
			return true
		}
	}
	return false
}
