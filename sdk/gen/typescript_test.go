package main

import (
	"bytes"
	"strings"
	"testing"
)

// declared returns the declarations of a contract, and what completes its records.
func declared(t *testing.T, text string) (declarations, completions string) {
	t.Helper()
	m := parsed(t, text)
	var d, r bytes.Buffer
	emitDeclarations(&d, m)
	emitRecords(&r, m)
	return d.String(), r.String()
}

const smallContract = `package test:contract;

interface types {
  /// A text.
  record text {
    /// Ends here: */
    /// @min 1
    /// @max 4KiB
    value: string,
    size: u32,
    note: option<string>,
  }
  /// What is got.
  record got { texts: list<text>, data: option<list<u8>>, kind: kind }
  /// Kinds.
  enum kind { first, second-one }
  /// What is asked.
  record question { kind: kind, second-one: option<text> }
}

/// Asks.
/// @kind
interface ask {
  use types.{text, got, question};
  /// Gets it.
  /// @class c
  get: func(text: text) -> result<got, string>;
  /// Tells it.
  /// @class c
  tell: func(question: question) -> result<got, string>;
}

/// Manifests.
interface manifest {
  use types.{text};
  /// All.
  record manifest { a: string }
  /// What it is.
  record provides {
    /// @kind ask
    ask: option<facts>,
  }
  /// Facts.
  record facts {
    /// @label
    label: string,
  }
  /// Permissions.
  record permissions { a: option<text> }
}

world w {
  export ask;
  import manifest;
}
`

// TestDeclarations: what a plugin writes may leave out what may be zero, what arrives is whole, and a record that does both
// is declared for both.
func TestDeclarations(t *testing.T) {
	declarations, completions := declared(t, smallContract)
	for _, want := range []string{
		"export interface Text {\n  /**\n   * Ends here: *\u200b/\n   * Bounds: 1 to 4 KB.\n   */\n  value: string;\n  size?: number;\n  note?: string;\n}",
		"/** Text as it arrives: what was left out has its zero value. */\nexport interface ReceivedText extends Text {\n  size: number;\n}",
		"export interface Got {\n  texts?: Text[];\n  data?: Uint8Array;\n  kind?: Kind;\n}",
		"export type Kind =\n  | \"first\"\n  | \"second_one\";",
		"export type Question = QuestionFields & (\n  | { kind: \"first\" }\n  | { kind: \"second_one\"; secondOne: ReceivedText }\n);",
		"  askGet?(text: ReceivedText): Answer<Got>;",
	} {
		if !strings.Contains(declarations, want) {
			t.Errorf("there is no\n%s\nin\n%s", want, declarations)
		}
	}
	for _, want := range []string{
		`  Text(v) {
    if (typeof v.value !== "string") v.value = v.value === undefined ? "" : missing(v.value, "value", "", "string");
    if (typeof v.size !== "number") v.size = v.size === undefined ? 0 : missing(v.size, "size", 0, "number");
    if (typeof v.note !== "string" && v.note !== undefined) v.note = missing(v.note, "note", undefined, "string");
  },`,
		"  ask_get: { name: \"askGet\", takes: records.Text },",
	} {
		if !strings.Contains(completions, want) {
			t.Errorf("there is no\n%s\nin\n%s", want, completions)
		}
	}
	if strings.Contains(completions, "Got") {
		t.Errorf("a record is completed that never arrives:\n%s", completions)
	}
}
