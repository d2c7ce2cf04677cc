package agent

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/service/agent/cooldown"
	"github.com/carapace-gateway/carapace/wit"
)

// lister is a provider that lists models, and counts how often it is asked.
type lister struct {
	list  func(*wit.ModelsQuery) (*wit.ModelsAnswer, error)
	do    error
	gone  bool
	asked int

	facts    wit.ProviderFacts
	settings wit.JSON
}

func (l *lister) Providers() iter.Seq[ProviderInfo] {
	return slices.Values([]ProviderInfo{{ID: "p", Credentials: 1, Facts: &l.facts, Settings: l.settings}})
}
func (l *lister) Provider(id string) (Provider, bool) { return l, id == "p" && !l.gone }

func (l *lister) Embeddings(context.Context, *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
	return nil, wit.NewError(wit.CodeNotFound, "it makes no vectors")
}

func (l *lister) Models(_ context.Context, q *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	l.asked++
	return l.list(q)
}

func (l *lister) Do(context.Context, *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	return &wit.HTTPResponse{Status: 200}, l.do
}

func (*lister) Request(context.Context, *wit.Chat) (*wit.ProviderPlan, error) { return nil, nil }
func (*lister) Chunk(context.Context, *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	return nil, nil
}
func (*lister) Stream(context.Context, *wit.HTTPRequest) (*egress.Response, error) { return nil, nil }

func modelsOf(l *lister) *Models {
	return NewModels(l, func() Settings { return Settings{ContextTokens: 77} }, cooldown.New(nil, hclog.NewNullLogger()), nil, hclog.NewNullLogger())
}

func listed(ids ...string) *wit.ModelsAnswer {
	a := &wit.ModelsAnswer{}
	for _, id := range ids {
		a.Models = append(a.Models, wit.Model{ID: id})
	}
	return a
}

func ids(models []wit.Model) string {
	var list []string
	for _, m := range models {
		list = append(list, m.ID)
	}
	return strings.Join(list, " ")
}

// TestModelsAreRemembered: a list for ten minutes, a failure for half a minute with what was known before beside it, and
// neither where somebody wants it anew or the provider is another.
func TestModelsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		l := &lister{}
		m := modelsOf(l)
		for i, step := range []struct {
			wait    time.Duration
			refresh bool
			answer  string // "" fails
			want    string
			failed  bool
			asked   int
		}{
			{0, false, "a", "a", false, 1},
			{keepModels - time.Second, false, "b", "a", false, 1},
			{0, true, "b", "b", false, 2},
			{keepModels, false, "", "b", true, 3},
			{keepFailure - time.Second, false, "c", "b", true, 3},
			{time.Second, false, "c", "c", false, 4},
			{keepModels - time.Second, false, "d", "c", false, 4},
		} {
			time.Sleep(step.wait)
			l.list = func(*wit.ModelsQuery) (*wit.ModelsAnswer, error) {
				if step.answer == "" {
					return nil, down
				}
				return listed(step.answer), nil
			}
			got, err := m.List(t.Context(), "p", step.refresh)
			if ids(got) != step.want || (err != nil) != step.failed || l.asked != step.asked {
				t.Errorf("step %d: %s, %v, asked %d times", i+1, ids(got), err, l.asked)
			}
		}
		m.Forget("p")
		if got, err := m.List(t.Context(), "p", false); ids(got) != "d" || err != nil {
			t.Errorf("after its settings have changed: %s, %v", ids(got), err)
		}
	})
}

// TestModelsAreAskedForOnce: who comes meanwhile waits, for as long as its context, and gets the same.
func TestModelsAreAskedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{list: func(*wit.ModelsQuery) (*wit.ModelsAnswer, error) {
			time.Sleep(10 * time.Second)
			return listed("a"), nil
		}}
		m := modelsOf(l)
		got := make(chan string, 3)
		for range 2 {
			go func() {
				list, err := m.List(t.Context(), "p", false)
				got <- fmt.Sprint(ids(list), err)
			}()
		}
		synctest.Wait()
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := m.List(hurried, "p", false); wit.CodeOf(err) != wit.CodeTimeout {
			t.Errorf("who cannot wait: %v", err)
		}
		if a, b := <-got, <-got; a != "a<nil>" || b != a || l.asked != 1 {
			t.Errorf("%s and %s, asked %d times", a, b, l.asked)
		}
	})
}

// TestWhatAProviderLists is bounded, comes by a request where one is needed, and is an error where it is none.
func TestWhatAProviderLists(t *testing.T) {
	long := strings.Repeat("x", maxModelName)
	many := make([]string, maxModels+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	answers := func(a *wit.ModelsAnswer, err error) func(*wit.ModelsQuery) (*wit.ModelsAnswer, error) {
		return func(*wit.ModelsQuery) (*wit.ModelsAnswer, error) { return a, err }
	}
	request := &wit.ModelsAnswer{Request: &wit.HTTPRequest{URL: "x"}}
	then := func(a *wit.ModelsAnswer, err error) func(*wit.ModelsQuery) (*wit.ModelsAnswer, error) {
		return func(q *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
			if q.Response == nil {
				return request, nil
			}
			return a, err
		}
	}
	refused := wit.NewError(wit.CodeUnauthorized, "no")
	for name, tt := range map[string]struct {
		lister *lister
		want   string
		code   wit.Code
	}{
		"names":            {&lister{list: answers(listed("a", "", long, long+"x", "b"), nil)}, "a " + long + " b", ""},
		"many":             {&lister{list: answers(listed(many...), nil)}, strings.Join(many[:maxModels], " "), ""},
		"no list":          {&lister{list: answers(nil, wit.NewError(wit.CodeNotFound, "none"))}, "", ""},
		"an error":         {&lister{list: answers(nil, refused)}, "", wit.CodeUnauthorized},
		"nothing":          {&lister{list: answers(nil, nil)}, "", wit.CodeInternal},
		"by a request":     {&lister{list: then(listed("a"), nil)}, "a", ""},
		"a request failed": {&lister{list: then(listed("a"), nil), do: refused}, "", wit.CodeUnauthorized},
		"its answer is no": {&lister{list: then(nil, refused)}, "", wit.CodeUnauthorized},
		"requests only":    {&lister{list: answers(request, nil)}, "", wit.CodeInternal},
		"not there":        {&lister{gone: true}, "", wit.CodeUnavailable},
	} {
		got, err := modelsOf(tt.lister).List(t.Context(), "p", false)
		if ids(got) != tt.want || wit.CodeOf(err) != tt.code {
			t.Errorf("%s: %.60s, %v", name, ids(got), err)
		}
	}
}

// TestContextOf: what a model reads, as its provider says, else as the owner does, found out beside the run.
func TestContextOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{list: func(*wit.ModelsQuery) (*wit.ModelsAnswer, error) {
			time.Sleep(time.Second)
			return &wit.ModelsAnswer{Models: []wit.Model{{ID: "other", ContextWindow: 9}, {ID: "a", ContextWindow: 100}, {ID: "none"}}}, nil
		}}
		m := modelsOf(l)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { m.background.run(ctx); close(ended) }()
		synctest.Wait()
		if n := m.contextOf("p", "a"); n != 77 {
			t.Errorf("before it is known: %d", n)
		}
		time.Sleep(time.Minute)
		for model, want := range map[string]uint32{"a": 100, "none": 77, "unknown": 77} {
			if n := m.contextOf("p", model); n != want {
				t.Errorf("%s: %d, want %d", model, n, want)
			}
		}
		synctest.Wait()
		if l.asked != 1 {
			t.Errorf("asked %d times", l.asked)
		}
		for range 2 { // what was known goes on to be, until there is news
			m.Forget("p")
		}
		if n := m.contextOf("p", "a"); n != 100 {
			t.Errorf("just forgotten: %d", n)
		}
		if models, _, fresh := m.listing("p").known(); len(models) > 0 || fresh {
			t.Errorf("just forgotten it lists %v", models)
		}
		cancel()
		<-ended
		m.settings = func() Settings { return Settings{} }
		if n := m.contextOf("p", "unknown"); n != defaultContext {
			t.Errorf("where nobody says: %d", n)
		}
	})
}

// open opens the first who may answer.
func open(m *Models, name string) (opened, error) {
	chain, err := m.chain(wanted{name: name})
	if err != nil {
		return opened{}, err
	}
	return m.openSeat(m.queue(chain, "")[0])
}

// TestOpen: a model is opened by its name, or by what answers where none is named; the choice stands beside an error.
func TestOpen(t *testing.T) {
	none := func(*wit.ModelsQuery) (*wit.ModelsAnswer, error) { return listed(), nil }
	for name, tt := range map[string]struct {
		gone bool
		want choice
		code wit.Code
	}{
		"p/m": {false, choice{"p", "m"}, ""}, "": {false, choice{"p", ""}, ""}, "p": {true, choice{"p", ""}, wit.CodeUnavailable}, "q/m": {false, choice{}, wit.CodeInvalid},
	} {
		got, err := open(modelsOf(&lister{list: none, gone: tt.gone}), name)
		if got.choice != tt.want || wit.CodeOf(err) != tt.code || (got.code != nil) != (err == nil) {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
	}
}

// TestWhoSees: a model sees unless its provider's list, which tells them apart, or it has refused pictures.
func TestWhoSees(t *testing.T) {
	m := modelsOf(&lister{})
	sees := func(want string) {
		t.Helper()
		got := ""
		for _, model := range []string{"a", "b", "c"} {
			if m.sees(choice{"p", model}) {
				got += model
			}
		}
		if got != want {
			t.Errorf("%q see, want %q", got, want)
		}
	}
	sees("abc")
	l := m.listing("p")
	l.models = []wit.Model{{ID: "a"}, {ID: "b"}}
	sees("abc")
	l.models[1].Images = true
	sees("bc")
	for _, p := range []pictured{{pictures: true}, {documents: true, refused: true}, {pictures: true, documents: true, refused: true}} {
		m.noteRefused(choice{"p", "b"}, p)
	}
	sees("bc")
	m.noteRefused(choice{"p", "c"}, pictured{pictures: true, results: true, refused: true})
	m.noteRefused(choice{"p", "c"}, pictured{results: true, refused: true})
	sees("bc")
	m.noteRefused(choice{"p", "c"}, pictured{pictures: true, refused: true})
	m.noteRefused(choice{"p", "b"}, pictured{pictures: true, refused: true})
	sees("")
}

// TestWhatASettingShows: what a provider shows of files may depend on where it is.
func TestWhatASettingShows(t *testing.T) {
	documents := []wit.Exhibit{wit.ExhibitDocuments}
	facts := wit.ProviderFacts{Shows: documents, ShowsWhere: []wit.SettingCondition{{Setting: "at", Values: []string{"home"}}}}
	for settings, want := range map[string][]wit.Exhibit{`{}`: documents, `{"at":"home"}`: documents, `{"at":"sea"}`: nil} {
		m := modelsOf(&lister{facts: facts, settings: wit.JSON(settings)})
		if got := m.shows(choice{"p", "m"}); !slices.Equal(got, want) {
			t.Errorf("%s: %v", settings, got)
		}
		m.noteRefused(choice{"p", "m"}, pictured{pictures: true, documents: true, refused: true})
		if got := m.shows(choice{"p", "m"}); !slices.Equal(got, want) {
			t.Errorf("%s, when it may have been pictures that were refused: %v", settings, got)
		}
		m.noteRefused(choice{"p", "m"}, pictured{documents: true, refused: true})
		if got := m.shows(choice{"p", "m"}); len(got) != 0 {
			t.Errorf("%s, when the model has refused documents: %v", settings, got)
		}
		if got := m.shows(choice{"p", "other"}); !slices.Equal(got, want) {
			t.Errorf("%s, another model: %v", settings, got)
		}
	}
}

// TestWhatAnotherSettingShows besides, and what of it a model has refused.
func TestWhatAnotherSettingShows(t *testing.T) {
	home := []wit.SettingCondition{{Setting: "at", Values: []string{"home"}, Set: true}}
	documents, results := []wit.Exhibit{wit.ExhibitDocuments}, []wit.Exhibit{wit.ExhibitResults}
	facts := wit.ProviderFacts{ShowsAlso: []wit.Exhibition{{Shows: results}, {Shows: documents, Where: home}}}
	for settings, want := range map[string][]wit.Exhibit{`{}`: nil, `{"at":"sea"}`: nil, `{"at":"home"}`: documents} {
		m := modelsOf(&lister{facts: facts, settings: wit.JSON(settings)})
		if got := m.shows(choice{"p", "m"}); !slices.Equal(got, slices.Concat(results, want)) {
			t.Errorf("%s: %v", settings, got)
		}
		m.noteRefused(choice{"p", "m"}, pictured{results: true, pictures: true, refused: true})
		if got := m.shows(choice{"p", "m"}); !slices.Equal(got, want) || !m.sees(choice{"p", "m"}) {
			t.Errorf("%s, when the model has refused pictures of tools: %v", settings, got)
		}
	}
}

// TestOwnModel: what a provider's settings name is read again when they are others.
func TestOwnModel(t *testing.T) {
	l := &listing{}
	for _, tt := range []struct{ settings, want string }{
		{"", ""}, {`{"model":"a"}`, "a"}, {`{"model":"a"}`, "a"}, {`{"model":"b"}`, "b"}, {`{"model":1}`, ""}, {`{}`, ""}, {`{"model":"c"}`, "c"}, {"", ""},
	} {
		if got := l.own(wit.JSON(tt.settings)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.settings, got, tt.want)
		}
	}
}

// TestModelsInPages: a provider is asked again with each response, with the state that it left, and not for ever.
func TestModelsInPages(t *testing.T) {
	l := &lister{}
	l.list = func(q *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
		if q.Response == nil {
			return &wit.ModelsAnswer{Request: &wit.HTTPRequest{}, State: wit.JSON("1")}, nil
		}
		a := listed("m" + string(q.State))
		if string(q.State) == "1" {
			a.Request, a.State = &wit.HTTPRequest{}, wit.JSON("2")
		}
		return a, nil
	}
	models, err := modelsOf(l).List(t.Context(), "p", false)
	if err != nil || len(models) != 2 || models[0].ID != "m1" || models[1].ID != "m2" {
		t.Errorf("%+v, %v", models, err)
	}
	l = &lister{list: func(*wit.ModelsQuery) (*wit.ModelsAnswer, error) {
		return &wit.ModelsAnswer{Request: &wit.HTTPRequest{}}, nil
	}}
	if _, err := modelsOf(l).List(t.Context(), "p", false); wit.CodeOf(err) != wit.CodeInternal || l.asked != maxModelRequests+1 {
		t.Errorf("asked %d times: %v", l.asked, err)
	}
}

// TestWhoCallsTools: a list that says how much models read says also which of them call tools.
func TestWhoCallsTools(t *testing.T) {
	for name, c := range map[string]struct {
		model wit.Model
		want  bool
	}{
		"only a name":       {wit.Model{ID: "m"}, true},
		"a length":          {wit.Model{ID: "m", ContextWindow: 4096}, false},
		"a length, and can": {wit.Model{ID: "m", ContextWindow: 4096, Tools: true}, true},
	} {
		l := &lister{list: func(*wit.ModelsQuery) (*wit.ModelsAnswer, error) {
			return &wit.ModelsAnswer{Models: []wit.Model{c.model}}, nil
		}}
		m := modelsOf(l)
		if _, err := m.List(t.Context(), "p", false); err != nil {
			t.Fatal(err)
		}
		if got := m.callsTools(choice{"p", "m"}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestNear: names that begin alike, or are nearly written so, the nearest first, and not what has nothing to do with them.
func TestNear(t *testing.T) {
	var list []wit.Model
	for _, id := range []string{"whisper-1", "gpt-5", "gpt-5-mini", "gpt-4.1-mini", "gpt-5-nano", "o3"} {
		list = append(list, wit.Model{ID: id})
	}
	for name, want := range map[string]string{
		"gpt-5-mimi": "gpt-5-mini gpt-5 gpt-4.1-mini", "gpt-5-mini-2099": "gpt-5-mini gpt-5", "wisper-1": "whisper-1", "claude": "", "": "",
	} {
		if got := strings.Join(near(name, list), " "); got != want {
			t.Errorf("near %q: %q, want %q", name, got, want)
		}
	}
	for pair, want := range map[[2]string]int{{"", ""}: 0, {"abc", ""}: 3, {"", "ab"}: 2, {"kitten", "sitting"}: 3, {"abc", "abc"}: 0} {
		if got := distance(pair[0], pair[1]); got != want {
			t.Errorf("%q is %d away, want %d", pair, got, want)
		}
	}
}
