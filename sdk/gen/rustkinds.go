package main

import (
	"bytes"
	"fmt"
)

// emitRustKinds emits a trait for each thing that a plugin can be, how its functions are called by name, and the macro
// that exports them.
func emitRustKinds(b *bytes.Buffer, m *model) {
	b.WriteString("//! What a plugin can be: a trait for each kind.\n\nuse crate::contract::*;\nuse crate::guest::{handle, missing};\nuse crate::{Host, Result};\n\n")
	list := capabilities(m)
	for _, c := range list {
		emitRustTrait(b, c)
		emitRustCall(b, c)
	}
	b.WriteString("/// The functions of a kind, by the name of its trait: exported, or called by name.\n#[doc(hidden)]\n#[macro_export]\nmacro_rules! kind {\n")
	for _, c := range list {
		trait := rustName(c.name)
		fmt.Fprintf(b, "    (export %s) => {\n", trait)
		for _, f := range c.functions {
			fmt.Fprintf(b, "        $crate::kind!(function %s, $crate::%s::%s);\n", f.name, trait, rustField(f.short))
		}
		fmt.Fprintf(b, "    };\n    (call %s, $plugin:expr, $host:expr, $export:expr, $input:expr) => {\n        $crate::kinds::call_%s($plugin, $host, $export, $input)\n    };\n", trait, c.name)
	}
	b.WriteString(`    (function $name:ident, $method:path) => {
        #[no_mangle]
        extern "C" fn $name() -> i32 {
            PLUGIN.with_borrow_mut(|plugin| $crate::guest::serve(|host, record| $method(plugin, host, record)))
        }
    };
}
`)
}

// rustSelf is how a function gets its plugin: one that has an instance of its own may keep something in it.
func rustSelf(f *function) string {
	if f.instances == "single" {
		return "&mut self"
	}
	return "&self"
}

func emitRustTrait(b *bytes.Buffer, c *capability) {
	emitRustDoc(b, "", c.doc)
	fmt.Fprintf(b, "pub trait %s {\n", rustName(c.name))
	for n, f := range c.functions {
		if n > 0 {
			b.WriteString("\n")
		}
		may := ""
		if f.optional != "" {
			may = "For plugins whose manifest says that they have `" + f.name + "`."
		}
		emitRustDoc(b, "    ", f.doc, may)
		fmt.Fprintf(b, "    fn %s(%s, host: &Host, %s: %s) -> Result<%s>", rustField(f.short), rustSelf(f), rustField(f.paramName), rustName(f.param.name), rustName(f.result.name))
		if f.optional == "" {
			b.WriteString(";\n")
			continue
		}
		fmt.Fprintf(b, " {\n        let _ = (host, %s);\n        missing(%q)\n    }\n", rustField(f.paramName), f.name)
	}
	b.WriteString("}\n\n")
}

// emitRustCall emits the way from an export's name to a method, for tests.
func emitRustCall(b *bytes.Buffer, c *capability) {
	fmt.Fprintf(b, `#[doc(hidden)]
pub fn call_%s(plugin: &mut impl %s, host: &Host, export: &str, input: &str) -> Option<Result<String>> {
    Some(match export {
`, c.name, rustName(c.name))
	for _, f := range c.functions {
		fmt.Fprintf(b, "        %q => handle(input, |record| plugin.%s(host, record)),\n", f.name, rustField(f.short))
	}
	b.WriteString("        _ => return None,\n    })\n}\n\n")
}

// emitRustImports emits the functions that a plugin may call, with what they take and give.
func emitRustImports(b *bytes.Buffer, m *model) {
	b.WriteString("//! The functions that a plugin may call.\n\nuse crate::contract::*;\nuse crate::host::{declare, Import};\n\ndeclare! {\n")
	for _, f := range m.imports {
		result := "()"
		if f.result != nil {
			result = rustName(f.result.name)
		}
		fmt.Fprintf(b, "    %s(%s) -> %s;\n", f.name, rustName(f.param.name), result)
	}
	b.WriteString("}\n")
}

// emitRustTestHost emits the way from an import's name to a method of the gateway for tests.
func emitRustTestHost(b *bytes.Buffer, m *model) {
	b.WriteString("use super::gateway::{answer, State};\nuse crate::{Code, Error, Result};\n\nimpl State {\n    /// Answers a function of the contract, with JSON for parameter and result.\n    pub(super) fn serve(&mut self, name: &str, param: &str) -> Result<String> {\n        match name {\n")
	for _, f := range m.imports {
		fmt.Fprintf(b, "            %q => answer(param, |p| self.%s(p)),\n", f.name, rustField(snake(f.name)))
	}
	b.WriteString("            _ => Err(Error::new(Code::NotFound, format!(\"the test's gateway has no function {name}\"))),\n        }\n    }\n}\n")
}
