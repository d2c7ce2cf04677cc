package main

import (
	"bytes"
	"fmt"
	"strings"
)

func emitFunctions(b *bytes.Buffer, m *model) {
	emitTable(b, "Exports", "Exports returns the functions that a plugin may export, in the contract's order.", m.exports)
	emitTable(b, "Imports", "Imports returns the functions that a plugin may import from module extism:host/user.", m.imports)
}

func emitTable(b *bytes.Buffer, name, doc string, list []function) {
	fmt.Fprintf(b, "// %s\nfunc %s() []Function {\n\treturn []Function{\n", doc, name)
	for _, f := range list {
		fmt.Fprintf(b, "\t\t{Name: %q, Capability: %q, Param: %q, Result: %q},\n",
			f.name, strings.ReplaceAll(f.capability, "-", "_"), f.param, f.result)
	}
	b.WriteString("\t}\n}\n\n")
}
