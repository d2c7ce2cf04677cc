package main

import (
	"bytes"
	"path"
	"slices"
)

const sdkDir = "sdk/go"

// addSDK adds the imports of the Go SDK, and the exports of its package for each capability.
func (o output) addSDK(m *model) error {
	if err := o.addGo(path.Join(sdkDir, "imports_wasip1.go"), func(b *bytes.Buffer) { emitImports(b, m) }); err != nil {
		return err
	}
	if err := o.addGo(path.Join(sdkDir, "imports_native.go"), func(b *bytes.Buffer) { emitImportNames(b, m) }); err != nil {
		return err
	}
	for _, capability := range capabilities(m) {
		name := path.Join(sdkDir, capability, "exports_wasip1.go")
		if err := o.addGo(name, func(b *bytes.Buffer) { emitExports(b, m, capability) }); err != nil {
			return err
		}
	}
	return nil
}

func capabilities(m *model) []string {
	var names []string
	for _, f := range m.exports {
		if !slices.Contains(names, f.capability) {
			names = append(names, f.capability)
		}
	}
	return names
}

func emitImports(b *bytes.Buffer, m *model) {
	for _, f := range m.imports {
		b.WriteString("//go:wasmimport extism:host/user " + f.name + "\nfunc " + f.goName() + "(offset uint64) uint64\n\n")
	}
}

func emitImportNames(b *bytes.Buffer, m *model) {
	b.WriteString("const (\n")
	for _, f := range m.imports {
		b.WriteString("\t" + f.goName() + " = \"" + f.name + "\"\n")
	}
	b.WriteString(")\n")
}

func emitExports(b *bytes.Buffer, m *model, capability string) {
	b.WriteString("import \"github.com/carapace-gateway/carapace/sdk/go/internal/guest\"\n\n")
	for _, f := range m.exports {
		if f.capability == capability {
			b.WriteString("//go:wasmexport " + f.name + "\nfunc " + f.goName() + "() int32 { return guest.Serve(&plugins, Call, \"" + f.name + "\") }\n\n")
		}
	}
}
