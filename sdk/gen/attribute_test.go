package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// small is a contract with everything that a generator looks for, and one field and function to vary.
const small = `package test:contract@2.1.0;

interface types {
  /// JSON.
  type json = string;
  /// An error.
  record error { message: string }
  /// An answer.
  record done { ok: bool }
}

/// Records.
/// @permission kv
/// @limit keys 7
interface kv {
  use types.{error, done, json};
  /// Names a record.
  /// @min 1
  /// @max 9
  type key = string;
  /// A record.
  record entry {
    key: key,
    FIELD
  }
  /// Keeps a record.
  put: func(entry: entry) -> result<done, error>;
}

/// A plugin that is a thing.
/// @kind
/// @class thing
interface thing {
  use types.{error, done};
  /// Does it.
  FUNCTION
  run: func(what: done) -> result<done, error>;
  /// Stops it.
  /// @optional stopper
  stop: func(what: done) -> result<done, error>;
}

interface manifest {
  /// What it is.
  record thing-facts {
    /// @label
    label: string,
    idle: bool,
    /// @operations
    operations: list<string>,
  }
  /// Provides.
  record provides {
    /// @kind thing
    thing: option<thing-facts>,
  }
  /// A permission.
  record permission { reason: string }
  /// Permissions.
  record permissions { kv: option<permission> }
  /// All of it.
  record manifest {
    provides: provides,
    permissions: permissions,
    FACT
  }
}

world w {
  import kv;
  export thing;
}
`

// made generates from the small contract with its variable parts filled in.
func made(t *testing.T, field, function, fact string) (output, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "wit")
	text := strings.NewReplacer("FIELD", field, "FUNCTION", function, "FACT", fact).Replace(small)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "i.wit"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return generate(dir)
}

// moments is an enum of hooks whose second case has these facts, before the function.
func moments(facts ...string) string {
	return "/// Names a moment.\n enum moment { before,\n /// " + strings.Join(facts, "\n /// ") + "\n after-all }\n" +
		"/// What after_all is about.\n record after-all { some-text: string, id: string }\n/// Does it.\n"
}

// TestAttributes: what each attribute becomes.
func TestAttributes(t *testing.T) {
	doc := func(lines ...string) string { return "/// " + strings.Join(lines, "\n/// ") + "\n" }
	for name, c := range map[string]struct {
		field, function, fact string
		file, want            string
	}{
		"max of a text":        {doc("@max 2KiB") + "x: string,", "", "", "wit/kv_check.go", `if n := len(v.X); n > 2048 {`},
		"min and max":          {doc("@min 2", "@max 3") + "x: string,", "", "", "wit/kv_check.go", `n < 2 || n > 3 {`},
		"constant":             {doc("@max 5s") + "x: s64,", "", "", "wit/bounds.go", `EntryXMax = 5000`},
		"number":               {doc("@min 0", "@max 1min") + "x: s64,", "", "", "wit/kv_check.go", `if v.X < 0 || v.X > 60000 {`},
		"unsigned":             {doc("@min 0", "@max 4") + "x: u32,", "", "", "wit/kv_check.go", `if v.X > 4 {`},
		"negative":             {doc("@min -5", "@max -2") + "x: s64,", "", "", "wit/kv_check.go", `if v.X < -5 || v.X > -2 {`},
		"option":               {doc("@max 4") + "x: option<string>,", "", "", "wit/kv_check.go", "if v.X != nil {\n\t\tif n := len(*v.X); n > 4 {"},
		"list":                 {doc("@max 4") + "x: list<string>,", "", "", "wit/kv_codec.go", `codec.Strings[string](r, 4)`},
		"items by their alias": {"x: list<key>,", "", "", "wit/kv_check.go", "for i, x := range v.X {\n\t\tif n := len(x); n < 1 || n > 9 {"},
		"alias":                {"x: bool,", "", "", "wit/kv_check.go", `if n := len(v.Key); n < 1 || n > 9 {`},
		"required":             {doc("@required") + "x: string,", "", "", "wit/kv_check.go", `if blank(v.X) {`},
		"pattern":              {doc("@pattern [a-z]+", "@means small letters") + "x: string,", "", "", "wit/kv_check.go", `p.mismatch("x", -1, v.X, "small letters")`},
		"object":               {doc("@object") + "x: json,", "", "", "wit/kv_check.go", `p.object("x")`},
		"cut":                  {doc("@cut 4") + "x: string,", "", "", "wit/bounds.go", `EntryXCut = 4`},
		"default":              {doc("@default 3", "@min 2") + "x: u32,", "", "", "wit/kv_check.go", `if v.X != 0 && (v.X < 2) {`},
		"default of a list":    {doc("@default A B") + "x: list<string>,", "", "", "wit/bounds.go", `return []string{"A", "B"}`},
		"words stay":           {doc("Is x.", "@max 4") + "x: string,", "", "", "wit/kv.go", "// Is x.\n\tX "},
		"operations":           {"x: bool,", "", "", "wit/manifest_check.go", `operation("thing", x)`},
		"pure":                 {"x: bool,", doc("@pure"), "", "wit/functions.go", `Name: "thing_run", Capability: "thing", Operation: "run", Param: "Done", Result: "Done", Class: ClassThing, Pure: true}`},
		"a single instance":    {"x: bool,", doc("@class other", "@instances single"), "", "wit/functions.go", "case ClassOther:\n\t\treturn InstancesSingle"},
		"class and instances":  {"x: bool,", doc("@class other", "@instances fresh"), "", "wit/functions.go", "case ClassOther:\n\t\treturn InstancesFresh"},
		"deadline":             {"x: bool,", doc("@deadline 3s"), "", "wit/functions.go", `Deadline: 3000`},
		"optional":             {"x: bool,", "", "", "sdk/go/thing/contract.go", "type Stopper interface {"},
		"unless":               {"x: bool,", doc("@unless idle"), "", "wit/kinds.go", "if !v.Provides.Thing.Idle {"},
		"cut of a list":        {doc("@cut 4") + "x: list<string>,", "", "", "wit/bounds.go", `EntryXCut = 4`},
		"modifies":             {"x: bool,", moments("@modifies some-text id"), "", "wit/thing.go", `case MomentAfterAll: return []string{"someText", "id"} } return nil }`},
		"modifies, no cancels": {"x: bool,", moments("@modifies id"), "", "wit/thing.go", `Cancels() bool { return false }`},
		"cancels":              {"x: bool,", moments("@cancels"), "", "wit/thing.go", `case MomentAfterAll: return true } return false }`},
		"permission":           {"x: bool,", "", "", "kernel/host/imports.go", `Func(permission{plugin, "kv", p.KV != nil}, i.kv.Put)`},
		"limit":                {"x: bool,", "", "", "wit/bounds.go", "LimitKVKeys = 7"},
		"version":              {"x: bool,", "", "", "wit/bounds.go", "const ABI = 2"},
		"schema of a text":     {"x: bool,", "", doc("@max 5", "@pattern [a-z]+", "@means small") + "x: string,", "wit/plugin.schema.json", `"pattern": "^(?:[a-z]+)$"`},
		"schema of a number":   {"x: bool,", "", doc("@max 5", "@default 2") + "x: u32,", "wit/plugin.schema.json", `"default": 2`},
		"schema of a negative": {"x: bool,", "", doc("@min -5") + "x: s64,", "wit/plugin.schema.json", `"minimum": -5`},
		"schema of unsigned":   {"x: bool,", "", doc("@min -5") + "x: u32,", "wit/plugin.schema.json", `"minimum": 0`},
		"schema of operations": {"x: bool,", "", "x: bool,", "wit/plugin.schema.json", `"stop"`},
	} {
		files, err := made(t, c.field, c.function, c.fact)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := strings.Join(strings.Fields(string(files[c.file])), " ")
		if !strings.Contains(got, strings.Join(strings.Fields(c.want), " ")) {
			t.Errorf("%s: %s has no %s:\n%s", name, c.file, c.want, files[c.file])
		}
		for file, data := range files {
			if strings.Contains(string(data), "// @") {
				t.Errorf("%s: %s shows an attribute", name, file)
			}
		}
	}
}

// TestWhatAttributesMayNotSay: what is unknown, stands in a wrong place or contradicts something.
func TestWhatAttributesMayNotSay(t *testing.T) {
	doc := func(lines ...string) string { return "/// " + strings.Join(lines, "\n/// ") + "\n" }
	for name, c := range map[string]struct{ field, function, want string }{
		"unknown":            {doc("@maximum 4") + "x: string,", "", "@maximum may not stand here"},
		"misplaced":          {doc("@pure") + "x: string,", "", "@pure may not stand here"},
		"of a function":      {"x: bool,", doc("@max 4"), "@max may not stand here"},
		"twice":              {doc("@max 4", "@max 5") + "x: string,", "", "@max stands twice"},
		"no value":           {doc("@max") + "x: string,", "", "a value is missing"},
		"a value too many":   {doc("@required yes") + "x: string,", "", "a value is missing, or there is one that it does not take"},
		"no number":          {doc("@max many") + "x: string,", "", `"many" is not a number`},
		"wrong unit":         {doc("@max 4MB") + "x: string,", "", `"4MB" is not a number`},
		"overflow":           {doc("@max 9223372036854775807GiB") + "x: string,", "", "is not a number"},
		"max of a bool":      {doc("@max 4") + "x: bool,", "", "@max means nothing"},
		"pattern of a list":  {doc("@pattern a", "@means a") + "x: list<string>,", "", "@pattern means nothing"},
		"no words":           {doc("@pattern a") + "x: string,", "", "@pattern needs @means"},
		"bad pattern":        {doc("@pattern [", "@means a") + "x: string,", "", "@pattern: "},
		"foreign letters":    {doc("@pattern [ä-ö]", "@means a") + "x: string,", "", "beyond ASCII"},
		"other foreign ones": {doc("@pattern [α-ω]", "@means a") + "x: string,", "", "beyond ASCII"},
		"a foreign letter":   {doc("@pattern ü", "@means a") + "x: string,", "", "beyond ASCII"},
		"foreign repeated":   {doc("@pattern Ω+", "@means a") + "x: string,", "", "beyond ASCII"},
		"all but a foreign":  {doc("@pattern [^ü]", "@means a") + "x: string,", "", "beyond ASCII"},
		"not all foreign":    {doc(`@pattern [\x{81}-\x{10FFFF}]`, "@means a") + "x: string,", "", "beyond ASCII"},
		"folded to foreign":  {doc("@pattern (?i)k", "@means a") + "x: string,", "", "beyond ASCII"},
		"huge pattern":       {doc("@pattern (a|b){300}", "@means a") + "x: string,", "", "states"},
		"min over max":       {doc("@min 5", "@max 4") + "x: string,", "", "@min is more than @max"},
		"default too large":  {doc("@default 5", "@max 4") + "x: u32,", "", "@default 5 is not a number within the bounds"},
		"type too small":     {doc("@max 70000") + "x: u16,", "", "more than its type holds"},
		"required option":    {doc("@required") + "x: option<string>,", "", "@required means nothing"},
		"unless what":        {"x: bool,", doc("@unless busy"), "the facts of thing have no such field"},
		"instances":          {"x: bool,", doc("@instances hot"), "warm, fresh or single"},
		"modifies what":      {"x: bool,", moments("@modifies other"), "@modifies other: the record has no such field"},
		"a hook of nothing":  {"x: bool,", strings.ReplaceAll(moments("@cancels"), "record after-all", "record after-some"), "its interface has no record after-all"},
		"two ways":           {"x: bool,", doc("@instances fresh"), "keeps its instances in two ways"},
	} {
		if _, err := made(t, c.field, c.function, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestDocs: tables are written anew between their markers, and a page that lacks one is refused.
func TestDocs(t *testing.T) {
	dir := t.TempDir()
	page := "# Page\n"
	for _, name := range []string{"manifest", "limits", "exports", "permissions", "bounds", "hooks"} {
		page += "<!-- generated: " + name + " -->\nold\n<!-- end of generated -->\nkept " + name + "\n"
	}
	write := func(file, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.NewReplacer("FIELD", "x: bool,", "FUNCTION", moments("@modifies some-text", "@cancels"), "FACT", "").Replace(small)
	write("wit/i.wit", text)
	write(docsFile, page)
	files, err := generate(filepath.Join(dir, "wit"))
	if err != nil {
		t.Fatal(err)
	}
	got := string(files[docsFile])
	for _, want := range []string{"| `kv` | `kv_put` | Records | 7 keys; `key` 1 to 9 bytes |", "| thing | `thing_stop` | Stops it | operation `stop` |", "kept bounds\n",
		"| `before` |  |  |  |\n| `after_all` | `someText` `id` | `someText` | yes |"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page has no %s:\n%s", want, got)
		}
	}
	if strings.Contains(got, "old") {
		t.Errorf("an old table stays:\n%s", got)
	}
	for want, text := range map[string]string{
		"there is no table bounds": strings.Replace(page, "generated: bounds", "bounds", 1),
		"\"other\" is unknown":     strings.Replace(page, "generated: bounds", "generated: other", 1),
		"is unknown or has no end": strings.ReplaceAll(page, "end of generated", "end"),
	} {
		write(docsFile, text)
		if _, err := generate(filepath.Join(dir, "wit")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
