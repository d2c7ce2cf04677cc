package agent

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/agent/cooldown"
	"github.com/carapace-gateway/carapace/wit"
)

// Key is one of several keys of a provider.
type Key struct {
	// Name is the account of the provider whose credentials are used, "" those that are there without an account.
	Name string
	// Set is when one of them was set last.
	Set time.Time
}

// DefaultKey is how a key without a name is called.
const DefaultKey = "default"

// seat is a model that is asked by a key.
type seat struct {
	choice
	key string
}

// String names the model, and the key where it has a name.
func (s seat) String() string {
	if s.key == "" {
		return s.choice.String()
	}
	return s.choice.String() + " (key " + s.key + ")"
}

// subject is what rests when the seat has failed with an error: the key, the key for this model, or the model.
func (s seat) subject(code wit.Code) cooldown.Subject {
	switch code {
	case wit.CodeUnauthorized, wit.CodeForbidden:
		return cooldown.Subject{Provider: s.provider, Key: s.key}
	case wit.CodeRateLimited:
		return cooldown.Subject{Provider: s.provider, Key: s.key, Model: s.model}
	}
	return cooldown.Subject{Provider: s.provider, Key: cooldown.AnyKey, Model: s.model}
}

// passesOn reports whether another key or model may do better after an error. What is wrong with the request itself is so for
// all of them.
func passesOn(code wit.Code) bool {
	return code != wit.CodeInvalid && code != wit.CodeConflict
}

// rests reports whether an error is a reason to leave something alone for a while.
func rests(code wit.Code) bool { return passesOn(code) && code != wit.CodeTooLarge }

// keys are a provider's, at least one.
func (m *Models) keys(provider string) []Key {
	if r, ok := m.providers.(Keyring); ok {
		if list := r.Keys(provider); len(list) > 0 {
			return list
		}
	}
	return []Key{{}}
}

// Keys lists the names of a provider's keys, at least one.
func (m *Models) Keys(provider string) (names []string) {
	for _, k := range m.keys(provider) {
		names = append(names, cmp.Or(k.Name, DefaultKey))
	}
	return names
}

// queue returns the seats of a chain in the order in which they are asked: those that do not rest, each model with its keys,
// then those that rest, the one first whose pause ends first. A session begins with the same key each time, since a
// provider's caches are a key's; other sessions begin with others.
func (m *Models) queue(chain []choice, session string) (list []seat) {
	type resting struct {
		seat
		until int64
	}
	var later []resting
	for _, c := range chain {
		keys := m.keys(c.provider)
		h := fnv.New32a()
		_, _ = h.Write([]byte(session)) // a hash takes all
		first := int(h.Sum32() % uint32(len(keys)))
		for i := range keys {
			key := keys[(first+i)%len(keys)]
			s := seat{c, key.Name}
			if p, ok := m.rests.Of(c.provider, key.Name, c.model, key.Set); ok {
				later = append(later, resting{s, p.Until})
			} else {
				list = append(list, s)
			}
		}
	}
	slices.SortStableFunc(later, func(a, b resting) int { return cmp.Compare(a.until, b.until) })
	for _, r := range later {
		list = append(list, r.seat)
	}
	return list
}

// leftAlone is why a seat must not be asked now: its provider has said until when it wants to be left alone. nil where it
// has not.
func (m *Models) leftAlone(s seat) *wit.Error {
	var set time.Time
	for _, k := range m.keys(s.provider) {
		if k.Name == s.key {
			set = k.Set
		}
	}
	p, ok := m.rests.Of(s.provider, s.key, s.model, set)
	if !ok || p.Wanted() == 0 {
		return nil
	}
	return wit.AsError(wit.ErrorAfter(p.Code, p.Wanted(), "it wants to be left alone for %s: %s", rounded(p.Wanted()), p.Why))
}

// notices are lines for the owner on what rests.
func (m *Models) notices() (lines []string) {
	for _, p := range m.pauses() {
		line := "model " + seat{choice{p.Provider, p.Model}, ""}.String()
		switch {
		case p.Model == "":
			line = fmt.Sprintf("key %s of %s", cmp.Or(p.Key, DefaultKey), p.Provider)
		case p.Key != cooldown.AnyKey && p.Key != "":
			line += " with key " + p.Key
		}
		lines = append(lines, fmt.Sprintf("%s rests for %s after %s: %s", line, rounded(p.Left()), service.Count(p.Failures, "failure"), p.Why))
	}
	return lines
}

// rounded is a pause for people.
func rounded(d time.Duration) string {
	if d >= time.Minute {
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return max(d.Round(time.Second), time.Second).String()
}
