package main

import (
	"bytes"
	"fmt"
	"strings"
)

// addHost adds what the kernel's host functions have to be.
func (o output) addHost(m *model) error {
	return o.addGo("kernel/host/imports.go", func(b *bytes.Buffer) { emitHost(b, m) })
}

// emitHost writes a Go interface for each interface of the contract that plugins import, a struct of them, and the
// table that links them.
func emitHost(b *bytes.Buffer, m *model) {
	b.WriteString(`import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

`)
	nouns, of := m.importsByInterface()
	for _, noun := range nouns {
		emitInterface(b, noun, of[noun])
	}
	b.WriteString("// imports is what answers the contract's imports, by interface. Parameters have been validated.\ntype imports struct {\n")
	for _, noun := range nouns {
		fmt.Fprintf(b, "\t%s %s\n", camel(noun.kebab()), noun.importsName())
	}
	b.WriteString("}\n\n// table gives the functions by their WebAssembly names; those whose permission p lacks are refusals.\n" +
		"func (i imports) table(plugin string, p *wit.Permissions) map[string]Function {\n\treturn map[string]Function{\n")
	for _, f := range m.imports {
		permission := "always"
		if f.permission != "" {
			permission = fmt.Sprintf("permission{plugin, %q, p.%s != nil}", camel(f.permission), pascal(f.permission))
		}
		fn := "Func"
		if f.result == nil {
			fn = "funcWithoutResult"
		}
		fmt.Fprintf(b, "\t\t%q: %s(%s, i.%s.%s),\n", f.name, fn, permission, camel(f.source.kebab()), pascal(f.short))
	}
	b.WriteString("\t}\n}\n")
}

// emitInterface writes what one interface of the contract asks of the kernel: a method for each function. The methods
// are exported, for their names are the contract's, where a Go keyword is a name like others.
func emitInterface(b *bytes.Buffer, noun *iface, functions []*function) {
	fmt.Fprintf(b, "// %s answers interface %s.\ntype %[1]s interface {\n", noun.importsName(), noun.kebab())
	for _, f := range functions {
		emitDoc(b, "\t", sentence(pascal(f.short), f.doc))
		if f.result == nil {
			fmt.Fprintf(b, "\t%s(context.Context, *wit.%s)\n", pascal(f.short), f.param.goName)
		} else {
			fmt.Fprintf(b, "\t%s(context.Context, *wit.%s) (*wit.%s, error)\n", pascal(f.short), f.param.goName, f.result.goName)
		}
	}
	b.WriteString("}\n\n")
}

// importsByInterface groups the imports; nouns are the interfaces that have any, in the order of the text.
func (m *model) importsByInterface() (nouns []*iface, of map[*iface][]*function) {
	of = map[*iface][]*function{}
	for _, f := range m.imports {
		if of[f.source] == nil {
			nouns = append(nouns, f.source)
		}
		of[f.source] = append(of[f.source], f)
	}
	return nouns, of
}

// kebab is the interface's name in the contract's text.
func (i *iface) kebab() string { return strings.ReplaceAll(i.name, "_", "-") }

// importsName is the interface's name in kernel/host: kvImports.
func (i *iface) importsName() string { return camel(i.kebab()) + "Imports" }
