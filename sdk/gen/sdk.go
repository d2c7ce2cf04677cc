package main

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

const sdkDir = "sdk/go"

// addSDK adds the imports of the Go SDK, the package for each capability as far as the contract says it,
// and the same for tests.
func (o output) addSDK(m *model) error {
	if err := o.addGo(path.Join(sdkDir, "imports_wasip1.go"), func(b *bytes.Buffer) { emitImports(b, m) }); err != nil {
		return err
	}
	if err := o.addGo(path.Join(sdkDir, "imports_native.go"), func(b *bytes.Buffer) { emitImportNames(b, m) }); err != nil {
		return err
	}
	for _, c := range capabilities(m) {
		if err := o.addGo(path.Join(sdkDir, c.name, "exports_wasip1.go"), func(b *bytes.Buffer) { emitExports(b, c) }); err != nil {
			return err
		}
		if err := o.addGo(path.Join(sdkDir, c.name, "contract.go"), func(b *bytes.Buffer) { emitCapability(b, c) }); err != nil {
			return err
		}
	}
	if err := o.addGo(path.Join(sdkDir, "sdktest", "exports_native.go"), func(b *bytes.Buffer) { emitTestCall(b, m) }); err != nil {
		return err
	}
	return o.addGo(path.Join(sdkDir, "sdktest", "imports_native.go"), func(b *bytes.Buffer) { emitTestHost(b, m) })
}

// capability is what a package of the SDK is for: a kind, or exports that belong to a permission.
type capability struct {
	name      string
	goName    string // of the interface that plugins implement
	doc       string
	functions []*function
}

func capabilities(m *model) []*capability {
	var list []*capability
	for _, f := range m.exports {
		if len(list) == 0 || list[len(list)-1].name != f.capability {
			c := &capability{name: f.capability, goName: pascal(f.capability), doc: f.source.doc}
			if f.handler {
				c.goName = "Handler"
			}
			list = append(list, c)
		}
		c := list[len(list)-1]
		c.functions = append(c.functions, f)
	}
	return list
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

func emitExports(b *bytes.Buffer, c *capability) {
	b.WriteString("import \"github.com/carapace-gateway/carapace/sdk/go/internal/guest\"\n\n")
	for _, f := range c.functions {
		b.WriteString("//go:wasmexport " + f.name + "\nfunc " + f.goName() + "() int32 { return guest.Serve(&plugins, Call, \"" + f.name + "\") }\n\n")
	}
}

// emitCapability emits the interfaces that a plugin implements, and how it is registered and called.
func emitCapability(b *bytes.Buffer, c *capability) {
	b.WriteString(`import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/internal/guest"
	"github.com/carapace-gateway/carapace/wit"
)

`)
	emitDoc(b, "", sentence(c.goName, c.doc))
	fmt.Fprintf(b, "type %s interface {\n", c.goName)
	for _, f := range c.functions {
		if f.optional == "" {
			emitMethod(b, f)
		}
	}
	b.WriteString("}\n\n")
	for _, f := range c.functions {
		if f.optional != "" {
			fmt.Fprintf(b, "// %s is for plugins that export %s.\ntype %s interface {\n", pascal(f.optional), f.name, pascal(f.optional))
			emitMethod(b, f)
			b.WriteString("}\n\n")
		}
	}
	emitCall(b, c)
}

func emitMethod(b *bytes.Buffer, f *function) {
	emitDoc(b, "\t", sentence(pascal(f.short), f.doc))
	fmt.Fprintf(b, "\t%s(host *sdk.Host, %s *wit.%s) (*wit.%s, error)\n", pascal(f.short), camel(f.paramName), f.param.goName, f.result.goName)
}

func emitCall(b *bytes.Buffer, c *capability) {
	fmt.Fprintf(b, `var plugins guest.Table[%[1]s]

// Register says that this module is, or holds, the plugin id and that it is a %[2]s. It is called from an
// init function.
func Register(id string, plugin %[1]s) { plugins.Register(id, plugin) }

// Call calls an export of a %[2]s by its name, with its parameter and result as JSON. It is what the
// module's exports do, and what tests use to replay a transcript.
func Call(host *sdk.Host, plugin %[1]s, export string, input []byte) ([]byte, error) {
	switch export {
`, c.goName, strings.ToLower(c.goName))
	for _, f := range c.functions {
		fmt.Fprintf(b, "\tcase %q:\n", f.name)
		if f.optional == "" {
			fmt.Fprintf(b, "\t\treturn guest.Handle(host, input, new(wit.%s), plugin.%s)\n", f.param.goName, pascal(f.short))
			continue
		}
		fmt.Fprintf(b, "\t\tif p, ok := plugin.(%s); ok {\n\t\t\treturn guest.Handle(host, input, new(wit.%s), p.%s)\n\t\t}\n", pascal(f.optional), f.param.goName, pascal(f.short))
	}
	b.WriteString("\t}\n\treturn nil, guest.Missing(export)\n}\n")
}

// emitTestCall emits the way from an export's name to a plugin of any kind.
func emitTestCall(b *bytes.Buffer, m *model) {
	b.WriteString("import (\n\t\"github.com/carapace-gateway/carapace/sdk/go\"\n")
	list := capabilities(m)
	for _, c := range list {
		fmt.Fprintf(b, "\t\"github.com/carapace-gateway/carapace/sdk/go/%s\"\n", c.name)
	}
	b.WriteString(`	"github.com/carapace-gateway/carapace/wit"
)

// Call calls an export of any kind of plugin by name, with JSON for parameter and result.
func Call(host *sdk.Host, plugin any, export string, input []byte) ([]byte, error) {
	switch wit.CapabilityOf(export) {
`)
	for _, c := range list {
		fmt.Fprintf(b, "\tcase %q:\n\t\tif p, ok := plugin.(%[1]s.%[2]s); ok {\n\t\t\treturn %[1]s.Call(host, p, export, input)\n\t\t}\n", c.name, c.goName)
	}
	b.WriteString("\t}\n\treturn nil, wit.Errorf(wit.CodeInvalid, \"%T has no %s\", plugin, export)\n}\n")
}

// emitTestHost emits the way from an import's name to a method of the Host for tests.
func emitTestHost(b *bytes.Buffer, m *model) {
	b.WriteString("import \"github.com/carapace-gateway/carapace/wit\"\n\n// serve answers a host function.\nfunc (h *Host) serve(name string, param []byte) ([]byte, error) {\n\tswitch name {\n")
	for _, f := range m.imports {
		fmt.Fprintf(b, "\tcase %q:\n\t\treturn handle(param, h.%s)\n", f.name, f.goName())
	}
	b.WriteString("\t}\n\treturn nil, wit.Errorf(wit.CodeNotFound, \"the test host has no function %s\", name)\n}\n")
}
