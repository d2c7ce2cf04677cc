package conformance

import (
	"encoding/json"
	"math"
	"regexp/syntax"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/carapace-gateway/carapace/wit/contract"
)

// style is what values are like that are made of the contract. What the contract or the manifest says of a value goes before it.
type style struct {
	name string
	all  bool // fields that may be left out are there
	// text is made longer or shorter until it keeps the bounds, unless past is set.
	text    string
	items   int   // of a list that says nothing of its own
	fill    bool  // texts, lists and numbers are as large as they may be
	past    bool  // one more than that
	unknown bool  // records have fields that no contract has
	number  int64 // of numbers that are free
	room    int   // bytes of a text without a bound
}

// The styles of inputs. usual is what gateways say on most days.
var (
	usual    = style{name: "what is usual", text: "hello", items: 1, number: 1}
	empty    = style{name: "as little as may be", text: "", items: 0}
	complete = style{name: "everything at once", all: true, text: "hello", items: 2, number: 7}
	largest  = style{name: "at the bounds", all: true, text: "long ", items: 20, fill: true, number: math.MaxInt32}
	beyond   = style{name: "past the bounds", all: true, text: "long ", items: 20, fill: true, past: true, number: math.MaxInt32}
	letters  = style{name: "letters of all kinds", all: true, text: oddText, items: 1, number: 1}
	unknown  = style{name: "fields of the future", all: true, text: "hello", items: 1, unknown: true, number: 1}
	styles   = []style{usual, empty, complete, largest, beyond, letters, unknown}
)

// oddText has what programs stumble over: NUL and other controls, both directions, what combines, what lies beyond 16 bits, line
// ends of all kinds, what is markup somewhere, and the mark of a lone surrogate, which JSON can say and UTF-8 cannot.
const oddText = "a\x00b\x1b[31m \u202eright\u202c \u05e9\u05dc\u05d5\u05dd e\u0301 \U0001F469\u200D\U0001F680 \ufeff\r\n\u2028<b>&\"'`{{credential:x}}%s\\ " + surrogate

// surrogate stands in values for a lone surrogate, which is written in where JSON passes as it is.
const surrogate = "\uE000"

const (
	freeText = 64 << 10 // bytes of a text without a bound, at the bounds, and inside of other records
	deepText = 4 << 10
	mostList = 1000    // items of a list at the bounds
	maxInput = 3 << 20 // bytes of an input
	maxDepth = 8
)

// moment is when tests happen, in Unix milliseconds.
const moment = 1_750_000_000_000

// samples make values of the contract for one plugin.
type samples struct {
	contract *contract.Contract
	manifest *wit.Manifest
	config   wit.JSON // that fits the plugin's schema
	// What the plugin's answers leave when an account starts, and when a chat is asked for: states are the plugin's own.
	accountState, streamState wit.JSON
}

func newSamples(c *contract.Contract, m *wit.Manifest) samples {
	s := samples{contract: c, manifest: m, config: wit.JSON("{}"), accountState: wit.JSON("null"), streamState: wit.JSON("null")}
	if values := schemaSamples(m.Config, usual); len(values) > 0 {
		s.config = values[0]
	}
	return s
}

// record makes a record of a type.
func (s *samples) record(name string, st style) map[string]any { return s.make(name, st, 0) }

func (s *samples) make(name string, st style, depth int) map[string]any {
	t, out := s.contract.Type(name), map[string]any{}
	if st.room = freeText; depth > 0 {
		st.room = deepText
	}
	if t == nil || depth > maxDepth {
		return out
	}
	chosen := map[string]bool{}
	for _, f := range t.OneOf {
		chosen[f] = len(chosen) == 0
	}
	for n, f := range either[name] {
		if n > 0 || st.name != empty.name {
			chosen[f] = n == 0
		}
	}
	for n := range t.Fields {
		f := &t.Fields[n]
		wanted, decided := chosen[f.Name]
		if decided && !wanted || !decided && f.Option && !(st.all && depth < 4) || f.Kind == "record" && depth == maxDepth {
			continue
		}
		if value := s.field(name, f, st, depth); value != nil {
			out[f.Name] = value
		}
	}
	if st.unknown {
		out["fieldOfTheFuture"] = map[string]any{"a": []any{1, "b", nil, true}}
	}
	return out
}

// either are fields of which a gateway sends one, the first here.
var either = map[string][]string{
	"HTTPResponse": {"text", "bytes", "media", "error"}, "WebhookRequest": {"text", "bytes"}, "Frame": {"text", "bytes"},
	"StreamEvent": {"data", "bytes", "error"}, "Attachment": {"media", "fetch"}, "KVValue": {"value"},
}

// field makes the value of a field, nil where it is left out.
func (s *samples) field(of string, f *contract.Field, st style, depth int) any {
	if value, there := s.known(of, f.Name); there {
		return value
	}
	if platform := f.Name == "id" && f.Kind == "string" && f.Max == nil; platform { // the gateway has it from the plugin
		st.past = false
		return st.fit(st.text, &contract.Bounds{Min: new(int64(1)), Max: new(int64(wit.ConversationIDMax))})
	}
	if !f.List {
		return s.value(f, st, &f.Bounds, depth)
	}
	items, item := s.items(f, st, depth), f.Item
	if item == nil {
		item = &contract.Bounds{}
	}
	if st.fill && depth > 0 { // one list at a time is long
		st.fill, st.items = false, 1
	}
	list := []any{}
	for range items {
		list = append(list, s.value(f, st, item, depth))
	}
	return list
}

// known are values that mean something.
func (s *samples) known(of, name string) (any, bool) {
	switch of + "." + name {
	case "HTTPResponse.status":
		return 200, true
	case "HTTPResponse.text":
		return "{}", true
	case "ProviderChunk.state":
		return json.RawMessage(s.streamState), true
	case "ChannelEvent.state", "ChannelSend.state", "ChannelEdit.state", "ChannelDelete.state", "ChannelReaction.state", "ChannelTyping.state",
		"ChannelPreview.state", "ChannelPoll.state", "Migration.state":
		return json.RawMessage(s.accountState), true
	case "ToolContext.timeZone":
		return "Europe/Zurich", true
	case "StreamEvent.status":
		return 200, true
	case "WebhookRequest.method":
		return "POST", true
	}
	switch name {
	case "config":
		return json.RawMessage(s.config), true
	case "now", "time", "due", "at":
		return moment, true
	case "account":
		return "main", true
	case "url":
		return "https://example.org/x", true
	case "mime":
		return "text/plain", true
	}
	return nil, false
}

// items is how long a list is.
func (s *samples) items(f *contract.Field, st style, depth int) int {
	n := st.items
	if st.fill && f.Max != nil && depth == 0 {
		n = int(min(*f.Max, mostList))
		if st.past {
			n++
		}
	}
	if f.Min != nil {
		n = max(n, int(*f.Min))
	}
	if f.Max != nil && !st.past {
		n = min(n, int(*f.Max))
	}
	return n
}

// value makes one value within bounds.
func (s *samples) value(f *contract.Field, st style, b *contract.Bounds, depth int) any {
	switch f.Kind {
	case "record":
		return s.make(f.Type, st, depth+1)
	case "enum":
		cases := s.contract.Type(f.Type).Cases
		if st.all && !st.fill {
			return cases[len(cases)-1]
		}
		return cases[0]
	case "bool":
		return st.all
	case "byte":
		return []byte(st.fit("bytes", b))
	case "json":
		return map[string]any{"text": st.fit(st.text, &contract.Bounds{})}
	case "string":
		return st.fit(st.text, b)
	case "float64":
		return 0.5
	}
	return st.integer(f, b)
}

// integer is a number of a type within bounds.
func (st style) integer(f *contract.Field, b *contract.Bounds) int64 {
	n := st.number
	if f.Kind == "uint16" {
		n = min(n, math.MaxUint16)
	}
	if b.Max != nil && (st.fill || n > *b.Max) {
		if n = *b.Max; st.past {
			n++
		}
	}
	if b.Min != nil {
		n = max(n, *b.Min)
	}
	return n
}

// fit makes a text keep its bounds.
func (st style) fit(text string, b *contract.Bounds) string {
	if b.Pattern != "" {
		return matching(b.Pattern)
	}
	low, high := 0, st.room
	if b.Max != nil {
		high = int(min(*b.Max, freeText))
	}
	if b.Min != nil {
		low = int(*b.Min)
	}
	if b.Required {
		low = max(low, 1)
	}
	if st.fill {
		if low = high; st.past && b.Max != nil {
			low, high = high+1, high+1
		}
	}
	if len(text) < low {
		text = strings.Repeat(text+"x", low/(len(text)+1)+1)[:low]
	}
	if len(text) > high {
		text = strings.ToValidUTF8(text[:high], "")
	}
	return text
}

// matching is a text that a pattern takes, "" where there is none that can be made.
func matching(pattern string) string {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	var b strings.Builder
	match(&b, parsed)
	return b.String()
}

// match writes the shortest text that an expression takes, the first of its choices.
func match(b *strings.Builder, re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		b.WriteRune(plainest(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('a')
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			match(b, sub)
		}
	case syntax.OpAlternate, syntax.OpPlus:
		match(b, re.Sub[0])
	case syntax.OpRepeat:
		for range re.Min {
			match(b, re.Sub[0])
		}
	}
}

// plainest is a letter of a class, which has the ends of ranges: a letter or a digit, where there is one.
func plainest(class []rune) rune {
	for _, r := range "a1A" {
		for n := 0; n < len(class); n += 2 {
			if class[n] <= r && r <= class[n+1] {
				return r
			}
		}
	}
	return class[0]
}

// encode writes a value as an input. raw says that its JSON passes as somebody wrote it, so that a lone surrogate may be in it.
func encode(value any, raw bool) []byte {
	b, err := json.Marshal(value)
	if err != nil || len(b) > maxInput {
		return nil
	}
	as := `\ufffd`
	if raw {
		as = `\ud800`
	}
	return []byte(strings.NewReplacer(surrogate, as, "\U0001F680", `\ud83d\ude80`).Replace(string(b)))
}
