package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

func emitFunctions(b *bytes.Buffer, m *model) {
	emitClasses(b, m)
	emitTable(b, "exports", m.exports)
	emitTable(b, "imports", m.imports)
}

// emitClasses emits the classes of calls with how their instances are kept.
func emitClasses(b *bytes.Buffer, m *model) {
	var names []string
	kept := map[string][]string{} // by how
	for _, f := range m.exports {
		if !slices.Contains(names, f.class) {
			names = append(names, f.class)
			kept[f.instances] = append(kept[f.instances], "Class"+pascal(f.class))
		}
	}
	b.WriteString("// The classes of calls.\nconst (\n")
	for _, name := range names {
		fmt.Fprintf(b, "\tClass%s Class = %q\n", pascal(name), name)
	}
	b.WriteString(")\n\n// Instances says how instances for a class are kept when the manifest does not; single ones are, whatever it says.\nfunc (c Class) Instances() Instances {\n")
	if len(kept["fresh"])+len(kept["single"]) > 0 {
		b.WriteString("\tswitch c {\n")
		for _, how := range []string{"fresh", "single"} {
			if classes := kept[how]; len(classes) > 0 {
				b.WriteString("\tcase " + strings.Join(classes, ", ") + ":\n\t\treturn Instances" + pascal(how) + "\n")
			}
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("\treturn InstancesWarm\n}\n\n")
}

func emitTable(b *bytes.Buffer, name string, list []*function) {
	fmt.Fprintf(b, "var %s = [...]Function{\n", name)
	for _, f := range list {
		fmt.Fprintf(b, "\t{Name: %q, Capability: %q, Operation: %q, Param: %q", f.name, snake(f.capability), snake(f.short), f.param.goName)
		text := func(key, value string) {
			if value != "" {
				fmt.Fprintf(b, ", %s: %q", key, value)
			}
		}
		if f.result != nil {
			text("Result", f.result.goName)
		}
		text("Permission", camel(f.permission))
		if f.class != "" {
			fmt.Fprintf(b, ", Class: Class%s", pascal(f.class))
		}
		if f.pure {
			b.WriteString(", Pure: true")
		}
		if f.optional != "" {
			b.WriteString(", Optional: true")
		}
		if f.deadline > 0 {
			fmt.Fprintf(b, ", Deadline: %d", f.deadline)
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n\n")
}

// emitManifest emits the lists that follow from the manifest's records, so that nobody writes them again.
func emitManifest(b *bytes.Buffer, m *model) {
	emitProvides(b, m)
	emitRequired(b, m)
	emitPermissions(b, m.types["Permissions"])
}

// has is the condition under which a plugin is a kind.
func has(value string, list bool) string {
	if list {
		return "len(" + value + ") > 0"
	}
	return value + " != nil"
}

func emitProvides(b *bytes.Buffer, m *model) {
	t := m.types["Provides"]
	b.WriteString("// Kinds names what the plugin is, in the contract's order.\nfunc (v *Provides) Kinds() []string {\n\tvar names []string\n")
	for _, f := range t.fields {
		fmt.Fprintf(b, "\tif %s {\n\t\tnames = append(names, %q)\n\t}\n", has("v."+f.goName, f.list), f.forKind)
	}
	b.WriteString("\treturn names\n}\n\n// Has reports whether the plugin is of a kind.\nfunc (v *Provides) Has(kind string) bool {\n\tswitch kind {\n")
	for _, f := range t.fields {
		fmt.Fprintf(b, "\tcase %q:\n\t\treturn %s\n", f.forKind, has("v."+f.goName, f.list))
	}
	b.WriteString("\t}\n\treturn false\n}\n\n")
	b.WriteString("// Provided is what lists show of what a plugin provides: its name of each kind.\ntype Provided struct {\n")
	for _, f := range t.fields {
		typ := "string"
		if f.list {
			typ = "[]string"
		}
		fmt.Fprintf(b, "\t%s %s `json:\"%s,omitempty\"`\n", f.goName, typ, f.json)
	}
	b.WriteString("}\n\n// Summary returns what lists show.\nfunc (v *Provides) Summary() Provided {\n\tvar out Provided\n")
	for _, f := range t.fields {
		label := labelOf(f.named)
		if f.list {
			fmt.Fprintf(b, "\tfor _, x := range v.%[1]s {\n\t\tout.%[1]s = append(out.%[1]s, string(x.%[2]s))\n\t}\n", f.goName, label)
		} else {
			fmt.Fprintf(b, "\tif v.%[1]s != nil {\n\t\tout.%[1]s = string(v.%[1]s.%[2]s)\n\t}\n", f.goName, label)
		}
	}
	b.WriteString("\treturn out\n}\n\n")
}

func labelOf(t *typ) string {
	for _, f := range t.fields {
		if f.label {
			return f.goName
		}
	}
	return "missing @label"
}

// emitRequired emits which exports a manifest asks for.
func emitRequired(b *bytes.Buffer, m *model) {
	b.WriteString("// RequiredExports lists what the code of such a plugin has to export, in the contract's order.\nfunc (v *Manifest) RequiredExports() []string {\n\tvar names []string\n")
	for _, c := range capabilities(m) {
		if c.functions[0].handler {
			for _, e := range c.functions {
				fmt.Fprintf(b, "\tif v.Permissions.%s != nil {\n\t\tnames = append(names, %q)\n\t}\n", pascal(e.permission), e.name)
			}
			continue
		}
		f := m.provided(c.name)
		value := "v.Provides." + f.goName
		fmt.Fprintf(b, "\tif %s {\n", has(value, f.list))
		for _, e := range c.functions {
			switch {
			case e.optional != "":
			case e.unless != "":
				fmt.Fprintf(b, "\t\tif !%s.%s {\n\t\t\tnames = append(names, %q)\n\t\t}\n", value, pascal(e.unless), e.name)
			default:
				fmt.Fprintf(b, "\t\tnames = append(names, %q)\n", e.name)
			}
		}
		for _, o := range f.named.fields {
			if o.operations {
				fmt.Fprintf(b, "\t\tfor _, x := range %s.%s {\n\t\t\tnames = append(names, %q+x)\n\t\t}\n", value, o.goName, snake(c.name)+"_")
			}
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("\treturn names\n}\n\n")
}

func emitPermissions(b *bytes.Buffer, t *typ) {
	b.WriteString("// Names lists what is asked for, in the contract's order.\nfunc (v *Permissions) Names() []string {\n\tvar names []string\n")
	for _, f := range t.fields {
		fmt.Fprintf(b, "\tif v.%s != nil {\n\t\tnames = append(names, %q)\n\t}\n", f.goName, camel(f.name))
	}
	b.WriteString("\treturn names\n}\n\n// Has reports whether a permission is asked for.\nfunc (v *Permissions) Has(name string) bool {\n\tswitch name {\n")
	for _, f := range t.fields {
		fmt.Fprintf(b, "\tcase %q:\n\t\treturn v.%s != nil\n", camel(f.name), f.goName)
	}
	b.WriteString("\t}\n\treturn false\n}\n\n// Reason returns why a permission is asked for, \"\" where it is not.\nfunc (v *Permissions) Reason(name string) string {\n\tswitch {\n")
	for _, f := range t.fields {
		fmt.Fprintf(b, "\tcase name == %q && v.%[2]s != nil:\n\t\treturn v.%[2]s.Reason\n", camel(f.name), f.goName)
	}
	b.WriteString("\t}\n\treturn \"\"\n}\n\n// Only returns one of the permissions, without the others.\nfunc (v *Permissions) Only(name string) (one Permissions) {\n\tswitch name {\n")
	for _, f := range t.fields {
		fmt.Fprintf(b, "\tcase %q:\n\t\tone.%[2]s = v.%[2]s\n", camel(f.name), f.goName)
	}
	b.WriteString("\t}\n\treturn one\n}\n")
}
