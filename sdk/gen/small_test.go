package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.bytecodealliance.org/wit"
)

// parsed is the model of a small contract.
func parsed(t *testing.T, text string) *model {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "i.wit"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	resolve, err := wit.LoadWIT(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := newModel(resolve)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// holds says which of these texts an emitter has not written.
func holds(t *testing.T, m *model, emit func(*bytes.Buffer, *model), wants ...string) {
	t.Helper()
	var b bytes.Buffer
	emit(&b, m)
	for _, want := range wants {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no\n%s\nin\n%s", want, &b)
		}
	}
}

// TestAssemblyScript: records are classes that read and write themselves, with null for what is absent.
func TestAssemblyScript(t *testing.T) {
	holds(t, parsed(t, smallContract), emitAS,
		"/** Kinds. */\nexport namespace Kind {\n  export const first: string = \"first\";\n  export const secondOne: string = \"second_one\";\n}",
		"   * Bounds: 1 to 4 KB.\n   */\n  value: string = \"\";\n  size: u32 = 0;\n  note: string | null = null;\n",
		"else if (key == \"note\") this.note = r.absent() ? null : r.text();\n",
		"    const note = this.note;\n    if (note !== null) {\n      w.key(\"note\");\n      w.text(note);\n    }\n",
		"  secondOne: Text | null = null;\n",
		"export function askGet(handler: (text: Text) => Got | null): i32 {\n  return serve<Text, Got>(handler);\n}")
}

// TestC: records are structs, with a table by which they are read and written, behind those that are parts of them.
func TestC(t *testing.T) {
	holds(t, parsed(t, smallContract), emitC,
		"typedef enum {\n  CARAPACE_KIND_UNKNOWN = -1, // one of a later contract\n  CARAPACE_KIND_FIRST,\n  CARAPACE_KIND_SECOND_ONE,\n} carapace_kind;",
		"struct carapace_text {\n  // Ends here: */\n  // Bounds: 1 to 4 KB.\n  carapace_text value;\n  uint32_t size;\n  carapace_text note; // optional\n};",
		"  const carapace_text *texts;\n  size_t texts_count;\n  carapace_bytes data; // optional\n  carapace_kind kind;\n",
		"  {\"secondOne\", &carapace_text_type, offsetof(carapace_question, second_one), CARAPACE_RECORD_, CARAPACE_OPTION_},\n",
		"#define CARAPACE_ASK_GET(handler) CARAPACE_EXPORT_(ask_get, carapace_text, carapace_got, handler)")
}

// TestZig: records are structs of which everything may be left out.
func TestZig(t *testing.T) {
	holds(t, parsed(t, smallContract), emitZig,
		"/// Kinds.\npub const Kind = enum {\n    first,\n    second_one,\n    /// One of a later contract.\n    unknown,\n};",
		"    /// Bounds: 1 to 4 KB.\n    value: []const u8 = \"\",\n    size: u32 = 0,\n    note: ?[]const u8 = null,\n",
		"    texts: []const Text = &.{},\n    data: ?Bytes = null,\n    kind: Kind = .first,\n",
		"    pub const ask_get = .{ Text, Got };\n")
}
