package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.bytecodealliance.org/wit"
)

// rustOf returns what is written for Rust of a contract: the records of an interface, and the kinds.
func rustOf(t *testing.T, text, of string) (records, kinds string) {
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
	files := output{}
	if err := files.addRust(m); err != nil {
		t.Fatal(err)
	}
	var k bytes.Buffer
	emitRustKinds(&k, m)
	return string(files["sdk/rust/src/contract/"+of+".rs"]), k.String()
}

// TestRust: names are Rust's, also where they are words of the language; what is required is written though it is empty; what
// documentation says is no link; and what does not pass is left out.
func TestRust(t *testing.T) {
	text := strings.NewReplacer(
		"size: u32,", "/// A list<u8> of `x<y>` [7].\n    %type: u32,\n    self: bool,",
		"kind: kind }\n  /// Kinds.", "kind: option<kind> }\n  /// Kinds.",
		"record question { kind: kind,", "record question {\n    /// @required\n    kind: kind,",
	).Replace(smallContract)
	records, kinds := rustOf(t, text, "types")
	for _, want := range []string{
		"    /// Bounds: 1 to 4 KB.\n    pub value: String,\n",
		"    /// A list\\<u8> of `x<y>` \\[7\\].\n    pub r#type: u32,\n    pub self_: bool,\n    pub note: Option<String>,\n",
		"impl Text {\n    /// The most that `value` may be.\n    pub const VALUE_MAX: u64 = 4096;\n}",
		"\"type\" => v.r#type = Value::read(r),",
		"pub struct Got {\n    pub texts: Vec<Text>,\n    pub data: Option<Vec<u8>>,\n    pub kind: Option<Kind>,\n}",
		"        p.text(\"value\", &self.value, Bounds::new(false, 1, 4096));\n    }\n",
		"        p.within(\"kind\", &self.kind);\n        p.within(\"secondOne\", &self.second_one);\n",
		"        if let Self::Unknown(case) = self {\n            p.unknown(case);\n",
		"pub enum Kind {\n    #[default]\n    First,\n    SecondOne,\n",
		"\"\" | \"first\" => Self::First,\n            \"second_one\" => Self::SecondOne,\n            _ => Self::Unknown(case),",
		"w.always(\"\\\"kind\\\":\", &self.kind);\n        w.field(\"\\\"secondOne\\\":\", &self.second_one);",
	} {
		if !strings.Contains(records, want) {
			t.Errorf("there is no\n%s\nin\n%s", want, records)
		}
	}
	if strings.Contains(records+kinds, "Facts") || strings.Contains(records+kinds, "Manifest") {
		t.Errorf("what does not pass is written:\n%s", records)
	}
	for _, want := range []string{
		"/// Asks.\npub trait Ask {\n    /// Gets it.\n    fn get(&self, host: &Host, text: Text) -> Result<Got>;\n",
		"\"ask_get\" => handle(input, |record| plugin.get(host, record)),",
		"(export Ask) => {\n        $crate::kind!(function ask_get, $crate::Ask::get);",
	} {
		if !strings.Contains(kinds, want) {
			t.Errorf("there is no\n%s\nin\n%s", want, kinds)
		}
	}
}
