package script_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/wit"
)

// TestMain is also the process that bundles.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "bundle" {
		if err := script.Serve(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func bundler(process bool) *script.Bundler {
	b := &script.Bundler{Module: "carapace", SDK: `export const log = (m) => __host("log", "info", m); export const unused = "not needed";`}
	if process {
		b.Command = []string{os.Args[0], "bundle"}
	}
	return b
}

func TestBundle(t *testing.T) {
	s := script.Source{Entry: "plugin.ts", Files: map[string]string{
		"plugin.ts": `import { log } from "carapace";
import { double } from "./double";
import words from "./words.json";
import type { Nothing } from "nowhere";

export interface Input { n: number }
export function toolInvoke(input: Input): number {
  log(words.hello as string);
  return double(input.n);
}
export const helper = 1;
`,
		"double.ts":  "export const double = (n: number): number => {\n  if (n > 9) throw new Error(\"too many\");\n  return 2 * n;\n};\n",
		"words.json": `{"hello": "grüezi"}`,
	}}
	for _, process := range []bool{false, true} {
		b, err := bundler(process).Bundle(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(b.Exports)
		if !slices.Equal(b.Exports, []string{"helper", "toolInvoke"}) {
			t.Errorf("exports %q", b.Exports)
		}
		if !strings.Contains(b.Code, "var "+script.Global+" = (") || !strings.Contains(b.Code, "grüezi") || strings.Contains(b.Code, "not needed") {
			t.Errorf("code:\n%s", b.Code)
		}
		lines := strings.Split(b.Code, "\n")
		line := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "too many") })
		column := strings.Index(lines[line], "new Error")
		if at, ok := b.Positions().Of(line+1, column+1); !ok || at != "double.ts:2:20" {
			t.Errorf("line %d, column %d comes from %q", line+1, column+1, at)
		}
		for _, no := range [][2]int{{0, 1}, {1 << 20, 1}, {-5, 0}} {
			if at, ok := b.Positions().Of(no[0], no[1]); ok {
				t.Errorf("%v comes from %s", no, at)
			}
		}
	}
}

func TestWhatCannotBeBundled(t *testing.T) {
	file := func(text string) script.Source {
		return script.Source{Entry: "plugin.ts", Files: map[string]string{"plugin.ts": text}}
	}
	for name, c := range map[string]struct {
		source script.Source
		want   string
	}{
		"no entry":           {script.Source{Entry: "plugin.ts"}, "there is no plugin.ts"},
		"not a program":      {file("let x: number = 1;\nlet = = 2;"), "plugin.ts:2:7: Unexpected \"=\""},
		"no such file":       {file(`import "./other"`), "plugin.ts:1:8: there is no file ./other in the plugin's folder"},
		"a package":          {file(`import _ from "lodash"; _()`), "plugin.ts:1:15: there is no package lodash beside this plugin, name it in the dependencies of its package.json"},
		"a file of the host": {file(`import "/etc/passwd"`), "a plugin imports files of its own folder"},
		"a folder above":     {file(`import "./../../etc/passwd"`), "there is no file ./../../etc/passwd"},
		"another address":    {file(`import "https://127.0.0.1/x.js"`), "a plugin imports files of its own folder"},
		"an unknown name":    {file(`import { nosuch } from "carapace"; nosuch()`), "plugin.ts:1:10: No matching export in \"carapace\" for import \"nosuch\""},
		"many":               {file(many()), "and 15 more"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bundler(false).Bundle(t.Context(), c.source)
			if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestHostileFiles cost the process that bundles them, and no more.
func TestHostileFiles(t *testing.T) {
	for name, text := range map[string]string{
		"deep":  "export const x = " + strings.Repeat("[", 2_000_000),
		"unary": "export const x = " + strings.Repeat("- ", 1_500_000) + "1",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bundler(true).Bundle(t.Context(), script.Source{Entry: "plugin.ts", Files: map[string]string{"plugin.ts": text}})
			if code := wit.CodeOf(err); code != wit.CodeInvalid && code != wit.CodeUnavailable { // where the machine is slow
				t.Errorf("%.300v", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := bundler(true).Bundle(ctx, script.Source{}); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("a caller who has left: %v", err)
	}
	if err := script.Serve(bytes.NewReader([]byte{255, 255, 255, 255}), nil); wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("too large: %v", err)
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{"plugin.ts": true, "a.json": true, "plugin.json": false, "package-lock.json": false, "plugin.test.ts": false, "x.d.ts": false, ".x.ts": false, "a/b.ts": false, "x.wasm": false, "": false, "é.ts": false} {
		if script.IsFile("plugin.ts", name) != ok {
			t.Errorf("%q: %v", name, !ok)
		}
	}
	for name, ok := range map[string]bool{"plugin.ts": true, "plugin.js": true, "plugin.wasm": false, "plugin.json": false, "": false, ".ts": true} {
		if script.IsEntry(name) != ok {
			t.Errorf("entry %q: %v", name, !ok)
		}
	}
}

// many imports twenty files that are not there.
func many() string {
	var b strings.Builder
	for n := range 20 {
		fmt.Fprintf(&b, "import \"./x%d\";\n", n)
	}
	return b.String()
}
