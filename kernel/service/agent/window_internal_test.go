package agent

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

func toolResult(id, text string) session.Message {
	return session.Message{Role: wit.RoleTool, ToolCallID: id, Parts: []wit.Part{session.TextPart(text)}}
}

func calling(text string, ids ...string) session.Message {
	m := session.Message{Role: wit.RoleAssistant}
	if text != "" {
		m.Parts = []wit.Part{session.TextPart(text)}
	}
	for _, id := range ids {
		m.ToolCalls = append(m.ToolCalls, wit.ToolCall{ID: id})
	}
	return m
}

// TestCost counts all that a model reads.
func TestCost(t *testing.T) {
	m := session.Message{
		Parts:     []wit.Part{session.TextPart("four"), {Media: new("m")}, {Text: new("two")}},
		ToolCalls: []wit.ToolCall{{Name: "add", Args: wit.JSON(`{"a":1}`), Opaque: wit.JSON(`"x"`)}}, Thinking: "hm", Opaque: wit.JSON(`"yy"`),
	}
	if got, want := cost(m), 16+4+mediaCost+3+3+7+3+2+4; got != want {
		t.Errorf("%d, want %d", got, want)
	}
	tools := []wit.ToolSpec{{Name: "add", Description: "adds", Parameters: wit.JSON(`{}`)}, {Name: "pay"}}
	if got, want := overhead("system", tools), 6+(3+4+2+32)+(3+32); got != want {
		t.Errorf("the tools cost %d, want %d", got, want)
	}
}

// TestShrink: the oldest results go first, and of the newest the beginning stays.
func TestShrink(t *testing.T) {
	const out = "[left out: the conversation is too long for the model]"
	long, longest := strings.Repeat("o", 1000), strings.Repeat("n", 10_000)
	history := func(last string) []session.Message {
		return []session.Message{calling("", "a"), toolResult("a", long), calling("", "b"), toolResult("b", long), calling("", "c"), toolResult("c", last), calling("ok")}
	}
	saved := len(long) - len(out)
	for name, tt := range map[string]struct {
		last   string
		budget int // less than it takes
		want   []string
	}{
		"it fits":              {"new", 0, []string{long, long, "new"}},
		"a little too much":    {"new", 1, []string{out, long, "new"}},
		"one is enough":        {"new", saved, []string{out, long, "new"}},
		"one is not":           {"new", saved + 1, []string{out, out, "new"}},
		"none is left to take": {"new", 5000, []string{out, out, "new"}},
	} {
		list := history(tt.last)
		changed := shrink(list, size(list)-tt.budget)
		for i, m := range []int{1, 3, 5} {
			if tt.want[i] == out {
				changed--
			}
			if got := list[m].Text(); got != tt.want[i] {
				t.Errorf("%s: result %d is %.30q of %d bytes", name, i, got, len(got))
			}
		}
		if changed != 0 {
			t.Errorf("%s: the number of changed results is %d off", name, changed)
		}
	}
	for over, kept := range map[int]int{3000: 7000, 9000: leastResult - cost(session.Message{})} {
		list := history(longest)
		if got := shrink(list, size(list)-2*saved-over); got != 3 {
			t.Errorf("%d results have changed", got)
		}
		if got := list[5].Text(); !strings.HasSuffix(got, "\n[cut: the result is longer than the model reads]") || len(got) != kept {
			t.Errorf("%d bytes too much: %d of the newest are left, want %d", over, len(got), kept)
		}
	}
	list := []session.Message{calling("ok")}
	if got := shrink(list, 0); got != 0 || list[0].Text() != "ok" {
		t.Errorf("without results: %d, %+v", got, list)
	}
}

// TestShorten takes from the end, over several parts, and leaves what was given alone.
func TestShorten(t *testing.T) {
	const note = "\n[cut: the result is longer than the model reads]"
	given := []wit.Part{session.TextPart("first" + strings.Repeat(".", 100)), {Media: new("m")}, session.TextPart("second")}
	if got := shorten(given, 0); &got[0] != &given[0] {
		t.Error("parts that fit are copied")
	}
	got := shorten(given, 10)
	if *got[2].Text != note || got[1].Media == nil || len(*got[0].Text) != 105-4-len(note)+len(note) || !strings.HasSuffix(*got[0].Text, "."+note) {
		t.Errorf("%q and %q", *got[0].Text, *got[2].Text)
	}
	if *given[2].Text != "second" {
		t.Error("the history has changed")
	}
	if got := shorten([]wit.Part{session.TextPart("é" + strings.Repeat("x", len(note)))}, 1); *got[0].Text != note {
		t.Errorf("half a letter: %q", *got[0].Text)
	}
}

// TestTurns: each request for tools is followed by its results, in order.
func TestTurns(t *testing.T) {
	foreign := calling("", "d")
	foreign.Provider, foreign.Thinking = "other", "hm"
	own := calling("", "e")
	own.Provider, own.Model, own.Thinking = "mock", "m", "hm"
	alike := calling("", "f")
	alike.Provider, alike.Model, alike.Thinking = "mock", "n", "hm"
	list := turns([]session.Message{calling("", "a", "b"), toolResult("b", "of b"), calling("between"), toolResult("a", "of a"),
		calling("", "a", "c"), toolResult("a", "of the second a"), foreign, own, alike}, choice{"mock", "m"})
	var got []string
	for _, turn := range list {
		text := string(turn.Role)
		if turn.ToolCallID != nil {
			text += " " + *turn.ToolCallID
		}
		got = append(got, text+": "+words(turn.Content)+turn.Thinking)
	}
	want := "assistant: , tool a: of a, tool b: of b, assistant: between, assistant: , tool a: of the second a, tool c: [no result was recorded], " +
		"assistant: , tool d: [no result was recorded], assistant: hm, tool e: [no result was recorded], assistant: , tool f: [no result was recorded]"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
}

// TestWhoSpeaks: in a group, what a person says bears the name; nobody else's words do.
func TestWhoSpeaks(t *testing.T) {
	origin := func(kind wit.ConversationKind, sender *wit.Person) *message.Origin {
		return &message.Origin{Channel: "chat", Sender: sender, Conversation: &wit.Conversation{ID: "c", Kind: kind}}
	}
	ann := &wit.Person{ID: "1", Name: new("Ann")}
	for name, tt := range map[string]struct {
		role   wit.Role
		origin *message.Origin
		named  bool
	}{
		"in a group": {wit.RoleUser, origin(wit.ConversationKindGroup, ann), true}, "alone": {wit.RoleUser, origin(wit.ConversationKindDirect, ann), false},
		"nobody": {wit.RoleUser, origin(wit.ConversationKindGroup, nil), false}, "a client": {wit.RoleUser, nil, false},
		"the assistant": {wit.RoleAssistant, origin(wit.ConversationKindGroup, ann), false},
	} {
		got := words(content(session.Message{Role: tt.role, Origin: tt.origin, Parts: []wit.Part{session.TextPart("hi")}}))
		if named := strings.Contains(got, "[from Ann"); named != tt.named || !strings.HasSuffix(got, "hi") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestProgress: what an earlier process recorded says what is left to do.
func TestProgress(t *testing.T) {
	for name, tt := range map[string]struct {
		mine []session.Message
		want string
	}{
		"nothing":              {nil, "[] [] 0"},
		"an answer":            {[]session.Message{calling("done")}, "[] [] 0"},
		"all are open":         {[]session.Message{calling("wait", "a", "b")}, "[a b] [wait] 1"},
		"one is open":          {[]session.Message{calling("", "a", "b"), toolResult("a", "x")}, "[b] [] 1"},
		"none is":              {[]session.Message{calling("one", "a"), toolResult("a", "x"), calling("two", "b"), toolResult("b", "x")}, "[] [one two] 2"},
		"an id that came back": {[]session.Message{calling("", "a"), toolResult("a", "x"), calling("", "a")}, "[a] [] 2"},
	} {
		pending, said, rounds := progress(tt.mine)
		ids := []string{}
		for _, c := range pending {
			ids = append(ids, c.ID)
		}
		if got := fmt.Sprint(ids, said, rounds); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// TestResultBounds: how much of a result is kept.
func TestResultBounds(t *testing.T) {
	const most = wit.LimitToolTextBytes
	full := strings.Repeat("x", most)
	parts := func(n int) (list []wit.Part) {
		for i := range n {
			list = append(list, session.TextPart(fmt.Sprint(i)))
		}
		return list
	}
	for name, tt := range map[string]struct {
		parts []wit.Part
		n     int
		last  string
	}{
		"nothing":        {nil, 1, "(no output)"},
		"a full one":     {[]wit.Part{session.TextPart(full)}, 1, full},
		"one byte more":  {[]wit.Part{session.TextPart(full + "y")}, 1, full + "\n[cut: the result is longer than the limit]"},
		"half a letter":  {[]wit.Part{session.TextPart(full[1:] + "é")}, 1, full[1:] + "\n[cut: the result is longer than the limit]"},
		"no text":        {[]wit.Part{session.TextPart("a\xffb")}, 1, "a\uFFFDb"},
		"nothing left":   {[]wit.Part{session.TextPart(full), session.TextPart("a"), session.TextPart("b")}, 2, "[cut: 2 further parts of the result are left out]"},
		"a byte is left": {[]wit.Part{session.TextPart(full[1:]), session.TextPart("a"), session.TextPart("b")}, 3, "[cut: 1 further parts of the result are left out]"},
		"many parts":     {parts(wit.ToolOutputContentCut), wit.ToolOutputContentCut, fmt.Sprint(wit.ToolOutputContentCut - 1)},
		"one part more":  {parts(wit.ToolOutputContentCut + 1), wit.ToolOutputContentCut + 1, "[cut: 1 further parts of the result are left out]"},
		"JSON is text":   {[]wit.Part{{Kind: wit.PartKindJSON, Text: new("{}")}}, 1, "{}"},
		"so is no kind":  {[]wit.Part{{Text: new("plain")}}, 1, "plain"},
	} {
		got := bound(tt.parts)
		if last := got[len(got)-1]; len(got) != tt.n || last.Kind != wit.PartKindText || *last.Text != tt.last {
			t.Errorf("%s: %d parts, the last a %s that ends in %q", name, len(got), last.Kind, message.Clip(*last.Text, 60))
		}
	}
	if got := bound([]wit.Part{{Kind: wit.PartKindImage, Media: new("m")}}); len(got) != 1 || got[0].Kind != wit.PartKindImage {
		t.Errorf("a picture became %+v", got)
	}
}

// TestThinkingLevels: the last choice counts, in the contract's words.
func TestThinkingLevels(t *testing.T) {
	for levels, want := range map[string]string{"": "", "low,,": "low", "low,high,": "high", "low,,off": "off", ",minimal": "low", "xhigh": "high", "max": "high", "high,adaptive": ""} {
		if got := thinking(strings.Split(levels, ",")...); got != want {
			t.Errorf("%s: %q, want %q", levels, got, want)
		}
	}
}

// TestOpaqueDataIsOfAModelOfAProvider: another provider has another model, whatever its name is.
func TestOpaqueDataIsOfAModelOfAProvider(t *testing.T) {
	said := []session.Message{{Role: wit.RoleAssistant, Provider: "p", Model: "m", Opaque: wit.JSON(`1`), Parts: []wit.Part{session.TextPart("x")}}}
	for model, want := range map[choice]bool{{"p", "m"}: true, {"p", "n"}: false, {"q", "m"}: false} {
		if got := turns(said, model); (got[0].Opaque != nil) != want {
			t.Errorf("%v reads %+v", model, got)
		}
	}
}

// TestWhatIsLeftOutStaysSo: of a conversation, and of results of tools, that do not fit, what a model reads begins alike from one request to
// the next, nearly always; and at least three quarters of the room are used.
func TestWhatIsLeftOutStaysSo(t *testing.T) {
	const most, rounds = 100, 400
	text := strings.Repeat("o", 1000)
	unit := cost(session.Message{Parts: []wit.Part{session.TextPart(text)}})
	steps := map[string]func(number int) (first uint64, used int){
		"a conversation": func(number int) (uint64, int) {
			var list []session.Message
			for n := max(1, number-most+1); n <= number; n++ {
				m := session.Message{Number: uint64(n), Role: []wit.Role{wit.RoleUser, wit.RoleAssistant}[n%2], Parts: []wit.Part{session.TextPart(text)}}
				if n == number {
					m.Run, m.Role = "now", wit.RoleUser
				}
				list = append(list, m)
			}
			list = steadyStart(list, "now", most*unit)
			return list[0].Number, size(list)
		},
		"results": func(number int) (first uint64, used int) {
			var list []session.Message
			for n := 1; n <= number; n++ {
				m := toolResult("a", text)
				m.Number = uint64(n)
				list = append(list, m)
			}
			shrink(list, most*unit)
			for _, m := range list {
				if m.Text() == text && first == 0 {
					first = m.Number
				}
			}
			return first, size(list)
		},
	}
	for name, step := range steps {
		changes, last := 0, uint64(0)
		for n := most + 1; n <= most+rounds; n++ {
			first, used := step(n)
			if first != last {
				changes++
			}
			if last = first; used > most*unit || used < (most-most/4-2)*unit {
				t.Errorf("%s of %d: %d bytes of %d are used", name, n, used, most*unit)
			}
		}
		if changes > rounds/5 {
			t.Errorf("%s: the beginning is another one %d times in %d", name, changes, rounds)
		}
	}
	for n, want := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 5, 6, 7, 8, 5} {
		if got := steady(n, maxPictures); got != want {
			t.Errorf("of %d files %d are shown, want %d", n, got, want)
		}
	}
}
