package main

import (
	"bytes"
	"fmt"
)

// addHost adds what the kernel's host functions have to be.
func (o output) addHost(m *model) error {
	return o.addGo("kernel/host/imports.go", func(b *bytes.Buffer) { emitHost(b, m) })
}

func emitHost(b *bytes.Buffer, m *model) {
	b.WriteString(`import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// imports is what the contract lets plugins ask for: a method for each function. Parameters have been
// validated. Guest implements it.
type imports interface {
`)
	for _, f := range m.imports {
		emitDoc(b, "\t", sentence(f.goName(), f.doc))
		if f.result == nil {
			fmt.Fprintf(b, "\t%s(context.Context, *wit.%s)\n", f.goName(), f.param.goName)
		} else {
			fmt.Fprintf(b, "\t%s(context.Context, *wit.%s) (*wit.%s, error)\n", f.goName(), f.param.goName, f.result.goName)
		}
	}
	b.WriteString("}\n\n// table gives the functions by their WebAssembly names; those whose permission p lacks are refusals.\nfunc table(g imports, p *wit.Permissions) map[string]Function {\n\treturn map[string]Function{\n")
	for _, f := range m.imports {
		permission := "always"
		if f.permission != "" {
			permission = fmt.Sprintf("permission{%q, p.%s != nil}", snake(f.permission), pascal(f.permission))
		}
		fn := "Func"
		if f.result == nil {
			fn = "funcWithoutResult"
		}
		fmt.Fprintf(b, "\t\t%q: %s(%s, g.%s),\n", f.name, fn, permission, f.goName())
	}
	b.WriteString("\t}\n}\n")
}
