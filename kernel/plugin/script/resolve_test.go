package script_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/wit"
)

// TestImports: what an import may lead to, and what it may not.
func TestImports(t *testing.T) {
	files := map[string]string{
		"lib/a.ts": `import { b } from "../b.js"; import { c } from "./deep"; export const a = "a" + b + c;`, "b.ts": `export const b = "b";`, "lib/deep/index.ts": `export const c = "c";`,
		"node_modules/esm/package.json": `{"module":"./m.js","main":"./n.js"}`, "node_modules/esm/m.js": `export default "esm";`, "node_modules/esm/n.js": `throw 1;`, "node_modules/esm/sub/x.js": `export default "sub";`,
		"node_modules/cjs/package.json": `{"main":"lib"}`, "node_modules/cjs/lib/index.js": `module.exports = require("./other") + require("inner");`, "node_modules/cjs/lib/other.js": `exports = module.exports = "cjs";`,
		"node_modules/cjs/node_modules/inner/package.json": `{}`, "node_modules/cjs/node_modules/inner/index.js": `module.exports = " inner";`,
		"node_modules/inner/package.json": `{}`, "node_modules/inner/index.js": `module.exports = "outer";`,
		"node_modules/@by/ex/package.json": `{"exports":{".":{"node":"./no.js","import":"./i.mjs","require":"./r.cjs"},"./part":"./p.js","./f/*.js":"./files/*.mjs","./shut":null,"./up":"../../b.ts"}}`,
		"node_modules/@by/ex/i.mjs":        `export default "import";`, "node_modules/@by/ex/r.cjs": `module.exports = "require";`, "node_modules/@by/ex/p.js": `export default "part";`,
		"node_modules/@by/ex/files/one.mjs": `export default "one";`, "node_modules/@by/ex/secret.js": `export default "secret";`,
		"node_modules/short/package.json": `{"exports":"./s.js"}`, "node_modules/short/s.js": `export default "short";`,
		"node_modules/nodes/package.json": `{"exports":{"node":"./n.js"}}`, "node_modules/broken/package.json": `{"exports":`, "node_modules/broken/index.js": `export default "broken";`,
	}
	for code, want := range map[string]string{
		`import { a } from "./lib/a"; export const x = a;`:                            `"a" + b + c`,
		`import x from "esm"; export { x };`:                                          `"esm"`,
		`import x from "esm/sub/x.js"; export { x };`:                                 `"sub"`,
		`import x from "cjs"; export { x };`:                                          `" inner"`,
		`import x from "@by/ex"; export { x };`:                                       `"import"`,
		`export const x = require("@by/ex");`:                                         `"require"`,
		`import x from "@by/ex/part"; export { x };`:                                  `"part"`,
		`import x from "@by/ex/f/one.js"; export { x };`:                              `"one"`,
		`import x from "short"; export { x };`:                                        `"short"`,
		`import x from "broken"; export { x };`:                                       `"broken"`,
		`import x from "@by/ex/secret.js"; export { x };`:                             `!package @by/ex: it does not export "./secret.js"`,
		`import x from "@by/ex/shut"; export { x };`:                                  `!package @by/ex: what it exports is for Node.js alone`,
		`import x from "@by/ex/up"; export { x };`:                                    `!package @by/ex has no file ../../b.ts`,
		`import x from "nodes"; export { x };`:                                        `!for Node.js alone`,
		`import x from "short/../esm/m.js"; export { x };`:                            `!package short`,
		`import x from "node:fs"; export { x };`:                                      `!node:fs is a part of Node.js`,
		`import x from "fs/promises"; export { x };`:                                  `!fs/promises is a part of Node.js, and plugins do not run in that`,
		`export const x = require("fs");`:                                             `!fs is a part of Node.js`,
		`import x from "none"; export { x };`:                                         `!there is no package none beside this plugin`,
		`import x from "../p2/plugin.ts"; export { x };`:                              `!there is no file ../p2/plugin.ts in the plugin's folder`,
		`import x from "./lib/../../../etc/passwd"; export { x };`:                    `!there is no file`,
		`import x from "/etc/passwd"; export { x };`:                                  `!/etc/passwd cannot be imported`,
		`import { b as x } from "` + strings.Repeat("./", 2000) + `b"; export { x };`: `"b"`,
		`import x from "node_modules/esm/m.js"; export { x };`:                        `!there is no package node_modules`,
		`const name = "./b"; export const x = import(name);`:                          `import(name)`,
		`import x from "./node_modules/esm/m.js"; export { x };`:                      `"esm"`,
		`import x from "` + strings.Repeat("a", 5000) + `"; export { x };`:            `!there is no package aaa`,
		`import x from "__proto__"; export { x };`:                                    `!`,
		`import x from "@by"; export { x };`:                                          `!@by cannot be imported`,
		`import x from "@by/ex/f/` + "../../../../b" + `.js"; export { x };`:          `!package @by/ex`,
	} {
		s := script.Source{Entry: "plugin.ts", Files: map[string]string{"plugin.ts": code}}
		for name, text := range files {
			s.Files[name] = text
		}
		b, err := bundler(false).Bundle(t.Context(), s)
		refused, bad := strings.CutPrefix(want, "!")
		switch {
		case bad && (wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), refused)):
			t.Errorf("%.200s: %v, want %q", code, err, refused)
		case !bad && (err != nil || !strings.Contains(b.Code, want)):
			t.Errorf("%.200s: %v, want %s in\n%+v", code, err, want, b)
		}
	}
}

// TestPartsOfABundle are the files that it cannot be made without, and with them alone it is the same.
func TestPartsOfABundle(t *testing.T) {
	s := script.Source{Entry: "plugin.ts", Files: map[string]string{
		"plugin.ts": `import type { T } from "./types"; import { a } from "./lib/a"; import x from "x"; import y from "./node_modules/loose/y.js"; export const toolInvoke = (t: T) => [a, x, y];`,
		"types.ts":  `export type T = number;`, "lib/a.ts": `export { a } from "./b.js";`, "lib/b.ts": `export const a = 1;`, "unused.ts": `1`,
		"package.json":                    `{"dependencies":{"x":"1","loose":"1","other":"1"}}`,
		"node_modules/x/package.json":     `{"main":"lib"}`,
		"node_modules/x/lib/index.js":     `module.exports = require("./one") + require("inner/part");`,
		"node_modules/x/lib/one.js":       `module.exports = 1;`,
		"node_modules/x/lib/two.js":       `module.exports = 2;`,
		"node_modules/x/index.js":         `module.exports = 3;`,
		"node_modules/loose/package.json": `{"dependencies":{"inner":"1"}}`, "node_modules/loose/y.js": `export default 1;`,
		"node_modules/inner/package.json": `{"exports":{"./part":"./p.js"}}`, "node_modules/inner/p.js": `module.exports = 1;`, "node_modules/inner/index.js": `1`,
		"node_modules/other/package.json": `{}`, "node_modules/other/index.js": `1`,
	}}
	b, err := bundler(true).Bundle(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"lib/a.ts", "lib/b.ts", "node_modules/inner/p.js", "node_modules/inner/package.json", "node_modules/loose/package.json", "node_modules/loose/y.js",
		"node_modules/x/lib/index.js", "node_modules/x/lib/one.js", "node_modules/x/package.json", "package.json", "plugin.ts"}
	if !slices.Equal(b.Parts, want) {
		t.Errorf("parts %q", b.Parts)
	}
	few := script.Source{Entry: s.Entry, Files: map[string]string{}}
	for _, name := range b.Parts {
		few.Files[name] = s.Files[name]
	}
	if again, err := bundler(true).Bundle(t.Context(), few); err != nil || again.Code != b.Code || !slices.Equal(again.Parts, b.Parts) {
		t.Errorf("of its parts it is another: %v", err)
	}
	for _, name := range b.Parts {
		if name == "package.json" || name == "node_modules/loose/package.json" { // for who looks for the packages
			continue
		}
		delete(few.Files, name)
		if _, err := bundler(false).Bundle(t.Context(), few); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("it is made without %s: %v", name, err)
		}
		few.Files[name] = s.Files[name]
	}
}

func TestParts(t *testing.T) {
	for name, ok := range map[string]bool{
		"plugin.ts": true, "lib/a.ts": true, "lib/deep/a.json": true, "node_modules/x/package.json": true, "node_modules/@by/x/y.cjs": true, "node_modules/x/node_modules/y/z.js": true, "package.json": true,
		"": false, "/plugin.ts": false, "../x.ts": false, "lib/../../x.ts": false, "lib/./a.ts": false, "lib//a.ts": false, ".git/x.js": false, "lib/package.json": false, "lib/node_modules/x/y.js": false, "node_modules/+x/y.js": false, "node_modules/x/plugin.wasm": false, "testdata/x.ts": false,
		"node_modules/../../x.js": false, "node_modules/x/.y/z.js": false, "node_modules/x/README.md": false, "lib\\x.ts": false, strings.Repeat("d/", 30) + "x.ts": false,
	} {
		if script.IsPart("plugin.ts", name) != ok {
			t.Errorf("%q: %v", name, !ok)
		}
	}
}
