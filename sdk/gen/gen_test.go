package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

func TestWhatIsCommittedIsCurrent(t *testing.T) {
	files, err := generate(filepath.Join(root, contract))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date: run go run ./sdk/gen", name)
		}
	}
	for _, pattern := range []string{"wit/*.go", "wit/contract/*.go", "sdk/go/*.go", "sdk/go/*/*.go", "sdk/js/*.ts", "sdk/js/prelude/*.js", "sdk/rust/src/*.rs", "sdk/rust/src/*/*.rs", "kernel/host/*.go"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			checkOrigin(t, files, file)
		}
	}
}

// checkOrigin finds generated files that are no longer generated.
func checkOrigin(t *testing.T, files output, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name, err := filepath.Rel(root, file)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := files[filepath.ToSlash(name)]; !ok && bytes.HasPrefix(data, []byte(header)) {
		t.Errorf("%s is left over from an earlier contract: delete it", name)
	}
}

func TestTheSameContractGivesTheSameFiles(t *testing.T) {
	first, err := generate(filepath.Join(root, contract))
	if err != nil {
		t.Fatal(err)
	}
	second, err := generate(filepath.Join(root, contract))
	if err != nil {
		t.Fatal(err)
	}
	for name := range first {
		if !bytes.Equal(first[name], second[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestNames(t *testing.T) {
	for kebab, want := range map[string][3]string{
		"id":              {"ID", "id", "id"},
		"http-request":    {"HTTPRequest", "httpRequest", "http_request"},
		"reply-to":        {"ReplyTo", "replyTo", "reply_to"},
		"tool-call-id":    {"ToolCallID", "toolCallId", "tool_call_id"},
		"hmac-sha256":     {"HMACSHA256", "hmacSha256", "hmac_sha256"},
		"max-media":       {"MaxMedia", "maxMedia", "max_media"},
		"idempotency-key": {"IdempotencyKey", "idempotencyKey", "idempotency_key"},
	} {
		if got := [3]string{pascal(kebab), camel(kebab), snake(kebab)}; got != want {
			t.Errorf("%s: got %v, want %v", kebab, got, want)
		}
	}
}

func TestWhatTheContractMayNotSay(t *testing.T) {
	const a = "/// A.\nrecord a { x: string }\n"
	for name, c := range map[string]struct{ text, want string }{
		"variant":        {"/// V.\nvariant v { x(string), y }\n/// R.\nrecord r { v: v }", "not part of the contract's types"},
		"tuple":          {"/// R.\nrecord r { t: tuple<string, u32> }", "not part of the contract's types"},
		"char":           {"/// R.\nrecord r { c: char }", "not part of the contract's types"},
		"list of lists":  {"/// R.\nrecord r { l: list<list<string>> }", "not part of the contract's types"},
		"list of u32":    {"/// R.\nrecord r { l: list<u32> }", "a list of uint32 is not part"},
		"option of list": {"/// R.\nrecord r { l: option<list<string>> }", "an optional list is not part"},
		"no words":       {"record r { s: string }", "has no documentation"},
		"two params":     {a + "f: func(a: a, b: a) -> result<a, string>;", "one record and give one"},
		"text param":     {a + "f: func(a: string) -> result<a, string>;", "string is not a record"},
		"bare result":    {a + "f: func(a: a) -> a;", "has to give a result"},
	} {
		dir := t.TempDir()
		text := "package test:contract;\n\ninterface i {\n" + c.text + "\n}\n\nworld w { import i; }\n"
		if err := os.WriteFile(filepath.Join(dir, "i.wit"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := generate(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
