package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Subject is what is to be done.
type Subject struct {
	// Tool is called with Args, which is "" for a command of a client.
	Tool    string
	Args    wit.JSON
	Effects []wit.Effect
	// Executables are the paths of what a command runs, nil where that is not known for sure.
	Executables []string
}

// The beginnings of patterns for tools.
const (
	anyCall = "tool:"
	oneCall = "tool="
)

// maxExact bounds the arguments that stand in a pattern; longer ones are named by their sum.
const maxExact = 512

// Match returns the first entry of an agent's allowlist, or of every agent's, that has the subject. home stands for ~.
func (f File) Match(agent, home string, s Subject) (owner string, found Entry, ok bool) {
	for _, owner := range []string{agent, Everybody} {
		for _, e := range f.Agents[owner].Allowlist {
			if s.matches(e, home) {
				return owner, e, true
			}
		}
	}
	return "", Entry{}, false
}

func (s Subject) matches(e Entry, home string) bool {
	if e.CommandText != "" || e.ArgPattern != "" {
		return false
	}
	if name, ok := strings.CutPrefix(e.Pattern, anyCall); ok {
		return s.Tool != "" && glob(name, s.Tool)
	}
	if strings.HasPrefix(e.Pattern, oneCall) {
		return s.Tool != "" && slices.Contains(s.exact(), e.Pattern)
	}
	pattern := expand(e.Pattern, home)
	if !strings.HasPrefix(pattern, "/") || len(s.Executables) == 0 {
		return false
	}
	return !slices.ContainsFunc(s.Executables, func(p string) bool { return !strings.HasPrefix(p, "/") || !glob(pattern, path.Clean(p)) })
}

// Remember is the pattern for what somebody has allowed for ever, "" where there is none. Who lets a tool write or send lets it
// do so with other words too; what executes or spends is remembered with its arguments. redacted reports whether a
// text holds a secret, which is not written down.
func (s Subject) Remember(secret func(string) bool) string {
	switch {
	case s.Tool != "" && (slices.Contains(s.Effects, wit.EffectExecutes) || slices.Contains(s.Effects, wit.EffectSpends)):
		forms := s.exact()
		if len(forms) == 0 {
			return ""
		}
		if len(forms[0]) > maxExact || secret(forms[0]) {
			return forms[1]
		}
		return forms[0]
	case s.Tool != "":
		return anyCall + s.Tool
	case len(s.Executables) == 1 && strings.HasPrefix(s.Executables[0], "/") && !strings.ContainsAny(s.Executables[0], "*?"):
		return path.Clean(s.Executables[0])
	}
	return ""
}

// exact are the two ways to write one call: with the arguments, and with their sum. What is no JSON has none.
func (s Subject) exact() []string {
	var line bytes.Buffer
	if json.Compact(&line, s.Args) != nil {
		return nil
	}
	args := line.String() // as it is written: what another order of keys means is the tool's affair
	sum := sha256.Sum256(line.Bytes())
	return []string{oneCall + s.Tool + " " + args, oneCall + s.Tool + " sha256:" + hex.EncodeToString(sum[:])}
}

func expand(pattern, home string) string {
	if rest, ok := strings.CutPrefix(pattern, "~/"); ok && home != "" {
		return strings.TrimSuffix(home, "/") + "/" + rest
	}
	return pattern
}

// glob reports whether a pattern matches all of a text: * is anything without a slash, ** anything, ? one character that is no
// slash. It takes at most the product of both lengths.
func glob(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	now := make([]bool, len(t)+1) // which prefixes of the text are matched so far
	now[0] = true
	for i := 0; i < len(p); i++ {
		next := make([]bool, len(t)+1)
		deep := p[i] == '*' && i+1 < len(p) && p[i+1] == '*'
		for j := range next {
			switch {
			case p[i] == '*':
				next[j] = now[j] || j > 0 && next[j-1] && (deep || t[j-1] != '/')
			case j > 0:
				next[j] = now[j-1] && (p[i] == t[j-1] || p[i] == '?' && t[j-1] != '/')
			}
		}
		if now = next; deep {
			i++
		}
	}
	return now[len(t)]
}
