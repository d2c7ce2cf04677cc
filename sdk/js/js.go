// Package js is what plugins in TypeScript and JavaScript stand on: the prelude, which gives the engine what the language
// itself lacks and takes the kernel's calls, and the module that plugins import. The folder is an npm package besides.
package js

import (
	"embed"
	"strings"
)

// Name is how plugins import the module.
const Name = "carapace"

//go:embed index.js
var module string

//go:embed prelude/*.js
var pieces embed.FS

// Module returns the source of the module that plugins import. It calls what the prelude has made.
func Module() string { return module }

// Prelude returns the script that an instance runs before a plugin's. The function __host is there before it; __begin and
// __step are there after it.
func Prelude() string {
	var b strings.Builder
	b.WriteString("(function () {\n\"use strict\";\n")
	entries, err := pieces.ReadDir("prelude") // by name
	if err != nil {
		panic(err) // the folder is embedded
	}
	for _, entry := range entries {
		data, err := pieces.ReadFile("prelude/" + entry.Name())
		if err != nil {
			panic(err)
		}
		b.Write(data)
	}
	b.WriteString("})();\n")
	return b.String()
}
