package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// Trial is what became of a model that was asked, by one key, whether it answers.
type Trial struct {
	// Model is provider/model, and Key the key's name.
	Model, Key string
	// First is after how long the answer began, and Answers whether there was one.
	First   time.Duration
	Answers bool
	// Tools says whether it has called a tool as it was told to.
	Tools bool
	// Answer and Call are why there was no answer, and no call of a tool; nil where there was.
	Answer, Call *wit.Error
}

// trialTime is how long a model may take for each of the two questions: one at home may have to be loaded first.
const trialTime = 2 * time.Minute

// Try asks the model of a name, or without one all that may answer for an agent, by each of their keys, and whether they rest or
// not. What works does not rest any more. Errors: CodeInvalid for a name of none; CodeUnavailable where nobody
// is configured.
func (m *Models) Try(ctx context.Context, name, agent string) (list []Trial, err error) {
	chain, err := m.chain(wanted{name: name, agent: agent})
	if err != nil {
		return nil, err
	}
	for _, c := range chain {
		for _, key := range m.keys(c.provider) {
			list = append(list, m.tryOne(ctx, seat{c, key.Name}))
		}
	}
	return list, nil
}

// Probe asks the default model of a provider by one of its keys, or without one by all, and waits for each answer no longer than
// patience. Tools are not tried. Errors: CodeNotFound for a provider or a key that there is not; CodeInvalid for one that has no
// default model.
func (m *Models) Probe(ctx context.Context, provider, key string, patience time.Duration) (list []Trial, err error) {
	if _, ok := m.providers.Provider(provider); !ok {
		return nil, wit.Errorf(wit.CodeNotFound, "there is no provider of models %.64s", provider)
	}
	c, err := m.meant(provider)
	if err != nil {
		return nil, err
	}
	for _, k := range m.keys(provider) {
		if key != "" && key != cmp.Or(k.Name, DefaultKey) {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		t, _ := m.answers(ctx, seat{c, k.Name})
		cancel()
		list = append(list, t)
	}
	if len(list) == 0 {
		return nil, wit.Errorf(wit.CodeNotFound, "%s has no key %.100s", provider, key)
	}
	return list, nil
}

func (m *Models) tryOne(ctx context.Context, s seat) Trial {
	t, o := m.answers(ctx, s)
	if !t.Answers {
		t.Call = t.Answer
		return t
	}
	if !m.callsTools(s.choice) {
		t.Call = wit.NewError(wit.CodeUnavailable, "the model is known to call no tools, so it is offered none")
		return t
	}
	a, err := m.question(ctx, o, "Call the tool report with the word ready.", func() {}, trialTool())
	if t.Tools = err == nil && called(a.calls); err != nil {
		t.Call = publicError(err)
	} else if !t.Tools {
		t.Call = wit.NewError(wit.CodeUnavailable, "the model has not called the tool that it was told to call")
	}
	return t
}

// answers asks a model whether it answers by a key.
func (m *Models) answers(ctx context.Context, s seat) (Trial, opened) {
	t := Trial{Model: s.choice.String(), Key: cmp.Or(s.key, DefaultKey)}
	o, err := m.openSeat(s)
	if err != nil {
		t.Answer = publicError(err)
		return t, o
	}
	r := &sought{Provider: o.code}
	o.code = r
	began := time.Now()
	a, err := m.question(ctx, o, "Answer with the one word: ready", func() {
		if t.First == 0 {
			t.First = max(time.Since(began), time.Millisecond)
		}
	})
	if err == nil && strings.TrimSpace(a.text) == "" {
		err = errEmpty()
	}
	if t.Answers = err == nil; err != nil {
		t.First, t.Answer = 0, m.remedy(ctx, o, r.err != nil, publicError(err))
		return t, o
	}
	m.rests.Worked(ctx, s.provider, s.key, s.model)
	return t, o
}

// sought is a provider, and why its server was not reached.
type sought struct {
	Provider
	err error
}

func (r *sought) Stream(ctx context.Context, q *wit.HTTPRequest) (res *egress.Response, err error) {
	res, err = r.Provider.Stream(ctx, q)
	r.err = err
	return res, err
}

// remedy adds to an error what the owner can do who is to see whether a model works: which names are near to one that there is
// not; and what the address is like of a server that is not reached, or that knows neither the model nor a list of models.
func (m *Models) remedy(ctx context.Context, o opened, unreached bool, e *wit.Error) *wit.Error {
	if unreached {
		return m.addressed(o.provider, e)
	}
	if e.Code != wit.CodeNotFound {
		return e
	}
	list, err := m.ListWith(ctx, o.provider, o.key)
	switch code := wit.CodeOf(err); {
	case code == wit.CodeNotFound || code == wit.CodeUnavailable:
		e = m.addressed(o.provider, e)
		e.Code = wit.CodeUnavailable // whether the key is right, nobody has said
	case err == nil && len(list) > 0:
		if names := near(o.model, list); len(names) > 0 {
			e.Message = clipped(e.Message) + "; there is " + strings.Join(names, ", ")
		}
	}
	return e
}

// addressed adds to an error what a provider's address is like.
func (m *Models) addressed(provider string, e *wit.Error) *wit.Error {
	hint := "see whether the server runs, and whether the plugin's settings have its address"
	for p := range m.providers.Providers() {
		if p.ID == provider && p.Facts.Address != "" {
			hint = p.Facts.Address
		}
	}
	e.Message = clipped(e.Message) + "; " + hint
	return e
}

// nearest is how many names are told of those that are near to another one.
const nearest = 3

// near are the models whose names are likest to one: those that begin with it, or with which it begins, and those of which no more
// than a third is otherwise.
func near(name string, list []wit.Model) (names []string) {
	type found struct {
		id          string
		away, apart int
	}
	var all []found
	for _, x := range list {
		apart := distance(name, x.ID)
		away := apart
		if name != "" && (strings.HasPrefix(x.ID, name) || strings.HasPrefix(name, x.ID)) {
			away = min(apart, 1)
		}
		if away <= 1+len(name)/3 {
			all = append(all, found{x.ID, away, apart})
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Or(cmp.Compare(a.away, b.away), cmp.Compare(a.apart, b.apart)) })
	for _, f := range all[:min(nearest, len(all))] {
		names = append(names, f.id)
	}
	return names
}

// distance is in how many bytes two names differ, by changes, additions and omissions.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			same := before
			if a[i] != b[j] {
				same++
			}
			before = row[j+1]
			row[j+1] = min(same, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// question asks a model something, and calls began with each piece of the answer.
func (m *Models) question(ctx context.Context, o opened, text string, began func(), tools ...wit.ToolSpec) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	chat := &wit.Chat{
		Model: o.model, System: "You are tried out, to see whether you work. Do as you are told.", Session: "models-test", Tools: tools,
		Turns: []wit.ChatTurn{{Role: wit.RoleUser, Content: []wit.Part{session.TextPart(text)}}},
	}
	a, err := request(ctx, o.code, chat, func(d wit.Delta) {
		if d.Text != "" {
			began()
		}
	})
	if a.usage != nil {
		m.spent(ctx, Spender{}, Metered{o.provider, o.model, *a.usage, len(a.calls)})
	}
	return a, err
}

func trialTool() wit.ToolSpec {
	return wit.ToolSpec{
		Name: "report", Description: "Reports a word.",
		Parameters: wit.JSON(`{"type":"object","properties":{"word":{"type":"string"}},"required":["word"],"additionalProperties":false}`),
	}
}

// called reports whether the tool is among the calls, with arguments that it takes.
func called(calls []wit.ToolCall) bool {
	for _, c := range calls {
		args, ok := arguments(c.Args)
		var said struct{ Word *string }
		if c.Name == trialTool().Name && ok && json.Unmarshal(args, &said) == nil && said.Word != nil {
			return true
		}
	}
	return false
}
