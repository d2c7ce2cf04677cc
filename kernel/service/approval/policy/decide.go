package policy

import (
	"cmp"
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// Resolved is what holds for one agent.
type Resolved struct {
	Security    Security `json:"security" rpc:"enum=deny|allowlist|full"`
	Ask         Ask      `json:"ask" rpc:"enum=off|on-miss|always"`
	AskFallback Security `json:"askFallback" rpc:"enum=deny|allowlist|full"`
	// AutoAllowSkills is kept for clients, and does nothing here.
	AutoAllowSkills bool `json:"autoAllowSkills"`
}

// Settings are what the owner's settings say of effects.
type Settings struct {
	// Approve are the effects that need somebody's word, whatever a file says. nil leaves it to the file, and where that says
	// nothing, what executes needs it.
	Approve []wit.Effect
}

// Resolve returns what holds for an agent and calls of some effects: what the file says of the agent, of every agent, by
// default; and where it says nothing, the settings.
func (f File) Resolve(agent string, s Settings, effects []wit.Effect) Resolved {
	base := Rules{Security: string(Full), Ask: string(Off), AskFallback: string(Deny)}
	if s.Approve == nil && slices.Contains(effects, wit.EffectExecutes) {
		base.Security, base.Ask = string(Allowlist), string(OnMiss)
	}
	var defaults Rules
	if f.Defaults != nil {
		defaults = *f.Defaults
	}
	own, all := f.Agents[agent].Rules, f.Agents[Everybody].Rules
	said := func(field func(Rules) string) string {
		return cmp.Or(field(own), field(all), field(defaults), field(base))
	}
	r := Resolved{
		Security:    security(said(func(r Rules) string { return r.Security })),
		Ask:         ask(said(func(r Rules) string { return r.Ask })),
		AskFallback: security(said(func(r Rules) string { return r.AskFallback })),
	}
	for _, rules := range []Rules{own, all, defaults} {
		if rules.AutoAllowSkills != nil {
			r.AutoAllowSkills = *rules.AutoAllowSkills
			break
		}
	}
	if slices.ContainsFunc(effects, func(e wit.Effect) bool { return slices.Contains(s.Approve, e) }) {
		r = r.atLeastAsked()
	}
	return r
}

// atLeastAsked is what holds for an effect that needs somebody's word: the allowlist, or that word.
func (r Resolved) atLeastAsked() Resolved {
	if r.Security == Full {
		r.Security = Allowlist
	}
	if r.Ask == Off {
		r.Ask = OnMiss
	}
	return r
}

// security reads a word; what is none is the strictest.
func security(s string) Security {
	if v := Security(s); v == Allowlist || v == Full {
		return v
	}
	return Deny
}

func ask(s string) Ask {
	if v := Ask(s); v == Off || v == OnMiss {
		return v
	}
	return Always
}

// Verdict is what becomes of a call.
type Verdict int

// The verdicts.
const (
	Refused Verdict = iota
	Asked
	Allowed
)

// Decide says what becomes of a call, which the allowlist has or has not.
func (r Resolved) Decide(hit bool) Verdict {
	switch {
	case r.Security == Deny:
		return Refused
	case r.Ask == Always:
		return Asked
	case r.Security == Full || hit:
		return Allowed
	case r.Ask == OnMiss:
		return Asked
	}
	return Refused
}

// Unanswered says what becomes of a call that somebody was to be asked about, where nobody could be or has answered.
func (r Resolved) Unanswered(hit bool) Verdict {
	if r.AskFallback == Full || r.AskFallback == Allowlist && hit {
		return Allowed
	}
	return Refused
}

// Gated reports whether calls of these effects go by a policy: those that only read, or declare nothing, do not.
func Gated(effects []wit.Effect) bool {
	return slices.ContainsFunc(effects, func(e wit.Effect) bool { return e != wit.EffectReads })
}
