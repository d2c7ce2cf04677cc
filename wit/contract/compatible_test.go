package contract

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// record makes what is there now the record, where that breaks nothing: it is done with each release, whose additions are
// then kept too.
var record = flag.Bool("record", false, "record the contract as it is now, where it is compatible")

const recorded = "testdata/contract-1.json"

// TestCompatible: what the contract has become serves the plugins that were built against what it was.
func TestCompatible(t *testing.T) {
	before, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	was, err := parse(before)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range broken(was, Read()) {
		t.Errorf("a plugin that was built before breaks: %s", problem)
	}
	if t.Failed() {
		t.Log("within a version of the contract things are only added; see the comment of this package")
		return
	}
	if *record && !bytes.Equal(before, text) {
		if err := os.WriteFile(recorded, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestIncompatible plants changes, each of which breaks a plugin, and some that break none.
func TestIncompatible(t *testing.T) {
	max := func(n int64) *int64 { return &n }
	field := func(c *Contract, of, name string) *Field { return c.Type(of).Field(name) }
	pattern := func(c *Contract, of, name, before, after string) {
		f := field(c, of, name)
		f.Pattern = strings.Replace(f.Pattern, before, after, 1)
	}
	export := func(c *Contract, name string) *Function {
		return &c.Exports[slices.IndexFunc(c.Exports, func(f Function) bool { return f.Name == name })]
	}
	for name, c := range map[string]struct {
		change func(*Contract)
		want   string // of the problem; none where empty
	}{
		"a field renamed":               {func(c *Contract) { field(c, "ChannelEvent", "account").Name = "login" }, "ChannelEvent.account is gone"},
		"a field of another type":       {func(c *Contract) { field(c, "ToolContext", "now").Kind = "string" }, "ToolContext.now is another type"},
		"an optional field that is not": {func(c *Contract) { field(c, "ToolContext", "sender").Option = false }, "ToolContext.sender is another type"},
		"a list that is none":           {func(c *Contract) { field(c, "Sent", "ids").List = false }, "Sent.ids is another type"},
		"another default":               {func(c *Contract) { field(c, "HTTPRequest", "method").Default = "POST" }, "HTTPRequest.method stands for something else where it is left out"},
		"less of an answer":             {func(c *Contract) { field(c, "ChannelAnswer", "frames").Max = max(10) }, "ChannelAnswer.frames is bounded more"},
		"an answer that is required":    {func(c *Contract) { field(c, "Transcript", "text").Required = true }, "Transcript.text is bounded more"},
		"another pattern":               {func(c *Contract) { field(c, "ToolDefinition", "name").Pattern = "[a-z]+" }, "ToolDefinition.name has another pattern"},
		"an alternative less":           {func(c *Contract) { pattern(c, "Manifest", "entry", "|ts", "") }, "Manifest.entry has another pattern"},
		"another alternative":           {func(c *Contract) { pattern(c, "Manifest", "entry", "|ts", "|tsx") }, "Manifest.entry has another pattern"},
		"an alternative more":           {func(c *Contract) { pattern(c, "Manifest", "entry", "|py)", "|py|lua)") }, ""},
		"an optional group more":        {func(c *Contract) { field(c, "Manifest", "entry").Pattern += "(@[0-9]+)?" }, ""},
		"a group more":                  {func(c *Contract) { field(c, "Manifest", "entry").Pattern += "(@[0-9]+)" }, "Manifest.entry has another pattern"},
		"more than a guest was told":    {func(c *Contract) { field(c, "ProviderChunk", "events").Max = max(1000) }, "ProviderChunk.events is bounded less"},
		"a new field that is required": {func(c *Contract) {
			add(c, "ToolOutput", Field{Name: "mood", Kind: "string", Bounds: Bounds{Required: true}})
		}, "ToolOutput.mood is new and required"},
		"a case gone":                    {func(c *Contract) { cases(c, "Effect", "reads", "writes") }, "Effect: the case spends is gone"},
		"another first case":             {func(c *Contract) { cases(c, "SoundFormat", "mp3", "opus", "wav", "flac", "aac") }, "SoundFormat: another case is the first"},
		"a case that guests do not know": {func(c *Contract) { more(c, "EventKind", "weather") }, "EventKind: guests do not know the case weather"},
		"an enum closed":                 {func(c *Contract) { c.Type("Code").Open = false }, "Code is open no more"},
		"an export gone":                 {func(c *Contract) { export(c, "channel_poll").Name = "channel_vote" }, "channel_poll is gone"},
		"an export that was optional":    {func(c *Contract) { export(c, "provider_models").Optional = false }, "provider_models is needed now"},
		"an export more":                 {func(c *Contract) { c.Exports = append(c.Exports, Function{Name: "tool_list", Capability: "tool"}) }, "tool_list is needed of plugins that have none"},
		"a shorter deadline":             {func(c *Contract) { export(c, "webhook_handle").Deadline = 100 }, "webhook_handle has less time"},
		"pure now":                       {func(c *Contract) { export(c, "tool_invoke").Pure = true }, "tool_invoke may do less"},
		"memory lost":                    {func(c *Contract) { export(c, "service_tick").Instances = "fresh" }, "service_tick keeps its instances otherwise"},
		"another parameter":              {func(c *Contract) { export(c, "hook_handle").Param = "Chat" }, "hook_handle takes or gives something else"},
		"an import gone":                 {func(c *Contract) { c.Imports = c.Imports[1:] }, "log_write is gone"},
		"a permission more":              {func(c *Contract) { c.Imports[0].Permission = "log" }, "log_write needs a permission now"},
		"less room":                      {func(c *Contract) { c.Limits["answer"] = 10 }, "the limit answer is lower"},
		"a record of less":               {func(c *Contract) { c.Type("Manifest").Max = 10 }, "Manifest is bounded more"},
		"one of what were two":           {func(c *Contract) { c.Type("Sent").OneOf = []string{"ids", "frames"} }, "Sent: another field of several has to be set"},
		"a new kind":                     {func(c *Contract) { c.Exports = append(c.Exports, Function{Name: "oracle_ask", Capability: "oracle"}) }, ""},
		"a new optional export": {func(c *Contract) {
			c.Exports = append(c.Exports, Function{Name: "tool_list", Capability: "tool", Optional: true})
		}, ""},
		"a new import":                       {func(c *Contract) { c.Imports = append(c.Imports, Function{Name: "sky_look"}) }, ""},
		"a new optional field of the answer": {func(c *Contract) { add(c, "ToolOutput", Field{Name: "mood", Kind: "string", Option: true}) }, ""},
		"a new field of what is told":        {func(c *Contract) { add(c, "ToolContext", Field{Name: "mood", Kind: "string"}) }, ""},
		"more of an answer":                  {func(c *Contract) { field(c, "ChannelAnswer", "frames").Max = max(1000) }, ""},
		"a new hook":                         {func(c *Contract) { more(c, "HookName", "before_lunch") }, ""},
		"a new code of errors":               {func(c *Contract) { more(c, "Code", "bored") }, ""},
		"a new case that plugins write":      {func(c *Contract) { more(c, "Effect", "sings") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			changed := Read()
			c.change(changed)
			problems := broken(Read(), changed)
			if c.want == "" && len(problems) > 0 || c.want != "" && !slices.Contains(problems, c.want) {
				t.Errorf("found %q, want %q", problems, c.want)
			}
		})
	}
}

func add(c *Contract, to string, f Field) { c.Type(to).Fields = append(c.Type(to).Fields, f) }

func cases(c *Contract, of string, names ...string) { c.Type(of).Cases = names }

func more(c *Contract, of, name string) {
	c.Type(of).Cases = append(slices.Clone(c.Type(of).Cases), name)
}

// comparison finds what breaks plugins between two contracts.
type comparison struct {
	was, is  *Contract
	written  map[string]bool // types that plugins write
	read     map[string]bool // types that plugins read
	problems []string
}

// broken lists what of was the contract is keeps no more.
func broken(was, is *Contract) []string {
	c := &comparison{was: was, is: is, written: map[string]bool{}, read: map[string]bool{}}
	c.reach("Manifest", c.written)
	for _, f := range was.Exports {
		c.reach(f.Param, c.read)
		c.reach(f.Result, c.written)
	}
	for _, f := range was.Imports {
		c.reach(f.Param, c.written)
		c.reach(f.Result, c.read)
	}
	for _, t := range was.Types {
		if t.Hooks || slices.ContainsFunc(was.Types, func(e Type) bool { return e.Hooks && slices.Contains(e.Cases, snake(t.Name)) }) {
			c.reach(t.Name, c.read) // the event of a hook
		}
	}
	c.both("Error")
	for name, limit := range was.Limits {
		c.check(is.Limits[name] >= limit, "the limit %s is lower", name)
	}
	for n := range was.Types {
		c.compare(&was.Types[n])
	}
	c.exports()
	c.imports()
	slices.Sort(c.problems)
	return c.problems
}

// both reaches a type that goes either way.
func (c *comparison) both(name string) { c.reach(name, c.written); c.reach(name, c.read) }

func snake(name string) string {
	var b strings.Builder
	for n, r := range name {
		if n > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

func (c *comparison) check(ok bool, format string, args ...any) {
	if !ok {
		c.problems = append(c.problems, fmt.Sprintf(format, args...))
	}
}

// reach notes a type, and those of its fields.
func (c *comparison) reach(name string, set map[string]bool) {
	t := c.was.Type(name)
	if t == nil || set[name] {
		return
	}
	set[name] = true
	for _, f := range t.Fields {
		c.reach(f.Type, set)
	}
}

func (c *comparison) compare(was *Type) {
	is := c.is.Type(was.Name)
	if is == nil {
		c.check(false, "%s is gone", was.Name)
		return
	}
	c.check(is.Open || !was.Open, "%s is open no more", was.Name)
	c.check(is.Max == was.Max || is.Max == 0 || was.Max > 0 && is.Max > was.Max, "%s is bounded more", was.Name)
	c.check(slices.Equal(is.OneOf, was.OneOf), "%s: another field of several has to be set", was.Name)
	for n, name := range was.Cases {
		c.check(slices.Contains(is.Cases, name), "%s: the case %s is gone", was.Name, name)
		c.check(n > 0 || len(is.Cases) > 0 && is.Cases[0] == name, "%s: another case is the first", was.Name)
	}
	for _, name := range is.Cases {
		known := slices.Contains(was.Cases, name) || !c.read[was.Name] || was.Open || was.Hooks
		c.check(known, "%s: guests do not know the case %s", was.Name, name)
	}
	for n := range was.Fields {
		c.field(was, is, &was.Fields[n])
	}
	for _, f := range is.Fields {
		needed := f.Required || f.Min != nil && *f.Min > 0 && f.Default == "" || f.Pattern != ""
		c.check(was.Field(f.Name) != nil || !c.written[was.Name] || f.Option || !needed, "%s.%s is new and required", was.Name, f.Name)
	}
}

func (c *comparison) field(was, is *Type, before *Field) {
	where, now := was.Name+"."+before.Name, is.Field(before.Name)
	if now == nil {
		c.check(false, "%s is gone", where)
		return
	}
	same := now.Kind == before.Kind && now.Type == before.Type && now.List == before.List && now.Option == before.Option
	c.check(same && (now.Object == before.Object || !now.Object), "%s is another type", where)
	c.check(now.Default == before.Default, "%s stands for something else where it is left out", where)
	c.bounds(was.Name, where, &before.Bounds, &now.Bounds)
	empty := &Bounds{}
	if before.Item != nil || now.Item != nil {
		c.bounds(was.Name, where, orElse(before.Item, empty), orElse(now.Item, empty))
	}
}

func orElse(b, otherwise *Bounds) *Bounds {
	if b == nil {
		return otherwise
	}
	return b
}

// alternative is a further one, of a group in a pattern.
var alternative = regexp.MustCompile(`^\|[a-z0-9]+$`)

// optional is a group that need not be there.
var optional = regexp.MustCompile(`^\([^()|]+\)\?$`)

// gained reports whether a pattern is another one with a further alternative at the end of a group, or with an optional group more,
// which takes all that that takes.
func gained(was, is string) bool {
	more := len(is) - len(was)
	for at := range len(was) + 1 {
		// Nothing that stood there is part of the group, or repeated with it.
		apart := at == len(was) || strings.IndexByte("*+?{", was[at]) < 0
		whole := strings.Count(was[:at], "[") == strings.Count(was[:at], "]") && !strings.HasSuffix(was[:at], "\\")
		if more > 0 && apart && whole && is[:at] == was[:at] && is[at+more:] == was[at:] && optional.MatchString(is[at:at+more]) {
			return true
		}
	}
	for at := range was {
		if more > 0 && was[at] == ')' && at > 0 && was[at-1] != '\\' && is[:at] == was[:at] && is[at+more:] == was[at:] && alternative.MatchString(is[at:at+more]) {
			return true
		}
	}
	return false
}

func (c *comparison) bounds(of, where string, was, is *Bounds) {
	wider := is.Pattern == "" || gained(was.Pattern, is.Pattern)
	c.check(is.Pattern == was.Pattern || wider && !c.read[of], "%s has another pattern", where)
	if c.written[of] {
		c.check(within(was, is) && (is.Cut == 0 || was.Cut > 0 && is.Cut >= was.Cut), "%s is bounded more", where)
	}
	if c.read[of] {
		c.check(within(is, was), "%s is bounded less", where)
	}
}

// within says that whatever keeps the bounds a keeps b.
func within(a, b *Bounds) bool {
	return (a.Required || !b.Required) &&
		(b.Min == nil || a.Min != nil && *a.Min >= *b.Min) &&
		(b.Max == nil || a.Max != nil && *a.Max <= *b.Max)
}

func find(list []Function, name string) *Function {
	if n := slices.IndexFunc(list, func(f Function) bool { return f.Name == name }); n >= 0 {
		return &list[n]
	}
	return nil
}

func (c *comparison) exports() {
	kinds := map[string]bool{}
	for _, was := range c.was.Exports {
		kinds[was.Capability] = true
		is := find(c.is.Exports, was.Name)
		if is == nil {
			c.check(false, "%s is gone", was.Name)
			continue
		}
		c.check(is.Param == was.Param && is.Result == was.Result, "%s takes or gives something else", was.Name)
		c.check(is.Optional || !was.Optional, "%s is needed now", was.Name)
		c.check(was.Unless == "" || is.Unless == was.Unless, "%s is needed now", was.Name)
		c.check(is.Deadline == was.Deadline || is.Deadline == 0 || was.Deadline > 0 && is.Deadline > was.Deadline, "%s has less time", was.Name)
		c.check(was.Pure || !is.Pure, "%s may do less", was.Name)
		c.check(is.Instances == was.Instances, "%s keeps its instances otherwise", was.Name)
		c.check(is.Permission == was.Permission, "%s belongs to another permission", was.Name)
	}
	for _, is := range c.is.Exports {
		c.check(find(c.was.Exports, is.Name) != nil || is.Optional || !kinds[is.Capability], "%s is needed of plugins that have none", is.Name)
	}
}

func (c *comparison) imports() {
	for _, was := range c.was.Imports {
		is := find(c.is.Imports, was.Name)
		if is == nil {
			c.check(false, "%s is gone", was.Name)
			continue
		}
		c.check(is.Param == was.Param && is.Result == was.Result, "%s takes or gives something else", was.Name)
		c.check(is.Permission == was.Permission || is.Permission == "", "%s needs a permission now", was.Name)
	}
}

// TestNew: each record of the contract can be made by its name.
func TestNew(t *testing.T) {
	records := 0
	for _, is := range Read().Types {
		made := New(is.Name)
		if (made != nil) != (len(is.Cases) == 0) {
			t.Errorf("%s is made as %T", is.Name, made)
		}
		if made == nil {
			continue
		}
		records++
		if !json.Valid(made.AppendJSON(nil)) {
			t.Errorf("%s is written as %s", is.Name, made.AppendJSON(nil))
		}
	}
	if records < 50 {
		t.Errorf("only %d records", records)
	}
}
