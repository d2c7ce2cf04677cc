// Package policy decides whether a call needs somebody's word: the file that clients read and write, what it says of an agent,
// and whether a pattern of its allowlists matches a call. It keeps nothing and asks nobody.
//
// Guarantees. What cannot be read, analysed or recognised never makes a call allowed: an unknown word in the file is the
// strictest, and a command that a shell would not simply run matches no path. What Remember has written down is matched by
// that alone which was shown when somebody said "always".
package policy

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Security is what may be done at all.
type Security string

// From the strictest: nothing, what is on the allowlist, everything.
const (
	Deny      Security = "deny"
	Allowlist Security = "allowlist"
	Full      Security = "full"
)

// Ask is when somebody is asked.
type Ask string

// Never, when the allowlist does not have it, before each call.
const (
	Off    Ask = "off"
	OnMiss Ask = "on-miss"
	Always Ask = "always"
)

// File is the policy as clients write it. What it leaves out, the gateway's settings say.
type File struct {
	Version int `json:"version" rpc:"required,min=1,max=1"`
	// Socket is kept for clients that have one, and not used here. Its token is never given out.
	Socket *Socket `json:"socket,omitempty"`
	// Defaults hold for agents of which nothing else is said.
	Defaults *Rules `json:"defaults,omitempty"`
	// Agents are the rules by agent; * is every agent.
	Agents map[string]Agent `json:"agents,omitempty" rpc:"max=1000"`
}

// Socket is where other programs of clients listen.
type Socket struct {
	Path  string `json:"path,omitempty" rpc:"min=1,max=4096"`
	Token string `json:"token,omitempty" rpc:"min=1,max=4096"`
}

// Rules say what may be done, and when somebody is asked. An empty field says nothing.
type Rules struct {
	// Security is deny (nothing), allowlist (what a pattern matches) or full (everything).
	Security string `json:"security,omitempty" rpc:"min=1,max=64"`
	// Ask is off, on-miss (what the allowlist does not have) or always.
	Ask string `json:"ask,omitempty" rpc:"min=1,max=64"`
	// AskFallback is the security that holds where nobody can be asked or answers in time.
	AskFallback string `json:"askFallback,omitempty" rpc:"min=1,max=64"`
	// AutoAllowSkills is kept for clients, and does nothing here.
	AutoAllowSkills *bool `json:"autoAllowSkills,omitempty"`
}

// Agent is what holds for one agent.
type Agent struct {
	Rules
	Allowlist []Entry `json:"allowlist,omitempty" rpc:"max=1000"`
	// MCPTools is kept for clients, and does nothing here.
	MCPTools []map[string]any `json:"mcpTools,omitempty" rpc:"max=1000"`
}

// Entry is one line of an allowlist.
type Entry struct {
	ID string `json:"id,omitempty" rpc:"min=1,max=128"`
	// Pattern matches what may be done: a path of executables with *, ** and ?, tool:NAME with * for calls of a tool, or
	// tool=NAME and the arguments for one call alone.
	Pattern string `json:"pattern" rpc:"required,min=1,max=4096"`
	// Source is allow-always for what an answer has added.
	Source string `json:"source,omitempty" rpc:"enum=allow-always"`
	// CommandText and ArgPattern restrict an entry in other gateways. Here an entry that has one of them matches nothing.
	CommandText string `json:"commandText,omitempty" rpc:"min=1,max=16384"`
	ArgPattern  string `json:"argPattern,omitempty" rpc:"min=1,max=4096"`
	// LastUsedAt is in Unix milliseconds.
	LastUsedAt       float64 `json:"lastUsedAt,omitempty" rpc:"min=0"`
	LastUsedCommand  string  `json:"lastUsedCommand,omitempty" rpc:"min=1,max=16384"`
	LastResolvedPath string  `json:"lastResolvedPath,omitempty" rpc:"min=1,max=4096"`
}

// Everybody names the rules of every agent.
const Everybody = "*"

// Normal returns the file as it is kept: each entry of an allowlist has an id and a pattern. Errors: CodeInvalid for a word
// that is none of the protocol's, so that a slip of the pen does not pass for a policy.
func (f File) Normal() (File, error) {
	f.Version = 1
	if f.Defaults != nil {
		if err := f.Defaults.check("defaults"); err != nil {
			return f, err
		}
	}
	agents := make(map[string]Agent, len(f.Agents))
	for _, id := range slices.Sorted(maps.Keys(f.Agents)) {
		a := f.Agents[id]
		if err := a.check("agents." + id); err != nil {
			return f, err
		}
		list := make([]Entry, 0, len(a.Allowlist))
		for _, e := range a.Allowlist {
			if e.Pattern = strings.TrimSpace(e.Pattern); e.Pattern == "" {
				continue
			}
			if e.ID == "" {
				e.ID = newID()
			}
			list = append(list, e)
		}
		a.Allowlist = list
		agents[id] = a
	}
	f.Agents = agents
	return f, nil
}

func (r *Rules) check(where string) error {
	for _, w := range []struct{ field, value, words string }{
		{"security", r.Security, "deny allowlist full"}, {"ask", r.Ask, "off on-miss always"}, {"askFallback", r.AskFallback, "deny allowlist full"},
	} {
		if words := strings.Fields(w.words); w.value != "" && !slices.Contains(words, w.value) {
			return wit.Errorf(wit.CodeInvalid, "%.200s.%s cannot be %.64q: write one of %s", where, w.field, w.value, strings.Join(words, ", "))
		}
	}
	return nil
}

// Hash names the file's contents.
func (f File) Hash() string {
	b, _ := json.Marshal(f) // there is nothing in it that cannot be written
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// Shown is the file without what is not given out.
func (f File) Shown() File {
	if f.Socket != nil {
		f.Socket = &Socket{Path: f.Socket.Path}
	}
	return f
}

// Add puts a pattern on an agent's allowlist, unless it is there, and returns the entry, which has no id then.
func (f File) Add(agent string, e Entry) (File, Entry) {
	a := f.Agents[agent]
	if slices.ContainsFunc(a.Allowlist, func(o Entry) bool { return o.Pattern == e.Pattern && o.CommandText == "" && o.ArgPattern == "" }) {
		return f, Entry{}
	}
	if e.ID == "" {
		e.ID = newID()
	}
	a.Allowlist = append(slices.Clone(a.Allowlist), e)
	f.Agents = maps.Clone(f.Agents)
	if f.Agents == nil {
		f.Agents = map[string]Agent{}
	}
	f.Agents[agent] = a
	return f, e
}

// Without takes the entry of an id and a source off the allowlist that has it, and says whose that is; false is none.
func (f File) Without(id, source string) (next File, agent string, e Entry, there bool) {
	for _, agent := range slices.Sorted(maps.Keys(f.Agents)) {
		a := f.Agents[agent]
		i := slices.IndexFunc(a.Allowlist, func(e Entry) bool { return e.ID == id && e.Source == source })
		if i < 0 {
			continue
		}
		e = a.Allowlist[i]
		a.Allowlist = slices.Delete(slices.Clone(a.Allowlist), i, i+1)
		f.Agents = maps.Clone(f.Agents)
		f.Agents[agent] = a
		return f, agent, e, true
	}
	return f, "", Entry{}, false
}

// newID returns 64 random bits.
func newID() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // it never fails: the program would end
	return hex.EncodeToString(b)
}
