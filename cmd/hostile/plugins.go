package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// plugins are what is dropped, by folder. Each makes what is in its folder.
func plugins() map[string]func(dir string) error {
	return map[string]func(dir string) error{
		"compile-bomb": func(dir string) error { return tool(dir, emptyObject, tableBomb()) },
		"slow-compile": func(dir string) error { return tool(dir, emptyObject, slowModule()) },
		"schema-bomb":  func(dir string) error { return tool(dir, doubling(), tableBomb()) },
		"pipe":         func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "plugin.json"), 0o600) },
		"device":       func(dir string) error { return os.Symlink("/dev/zero", filepath.Join(dir, "plugin.json")) },
		"code-pipe": func(dir string) error {
			if err := tool(dir, emptyObject, nil); err != nil {
				return err
			}
			return syscall.Mkfifo(filepath.Join(dir, "plugin.wasm"), 0o600)
		},
	}
}

const emptyObject = `{"type":"object"}`

// tool writes a tool's manifest and, unless it is nil, its code.
func tool(dir, parameters string, wasm []byte) error {
	id := filepath.Base(dir)
	if wasm != nil {
		if err := os.WriteFile(filepath.Join(dir, "plugin.wasm"), wasm, 0o600); err != nil {
			return err
		}
	}
	manifest := fmt.Sprintf(`{"id":%q,"name":"Hostile","version":"1.0.0","description":"Does harm.","abi":1,"entry":"plugin.wasm",
"provides":{"tools":[{"name":%q,"description":"Does harm.","parameters":%s,"effects":["reads"]}]},"permissions":{}}`,
		id, strings.ReplaceAll(id, "-", "_"), parameters)
	return os.WriteFile(filepath.Join(dir, "plugin.json"), []byte(manifest), 0o600)
}

// doubling is a JSON Schema of 3 KB that is twice as much work with each of its levels.
func doubling() string {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/$defs/a0","$defs":{`)
	for n := range 40 {
		fmt.Fprintf(&b, `"a%d":{"allOf":[{"$ref":"#/$defs/a%d"},{"$ref":"#/$defs/a%d"}]},`, n, n+1, n+1)
	}
	b.WriteString(`"a40":{}}}`)
	return b.String()
}

// The modules are written by hand, in WebAssembly's binary format: each section is its number, its length and its
// items, after their count.

func vector(items ...[]byte) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(items))), bytes.Join(items, nil)...)
}

func sized(b []byte) []byte { return append(binary.AppendUvarint(nil, uint64(len(b))), b...) }

func section(id byte, body []byte) []byte { return append([]byte{id}, sized(body)...) }

// module has functions of type () -> (i32), the first of which is exported as tool_invoke, and the type () -> (results).
func module(results int, bodies ...[]byte) []byte {
	types := vector([]byte{0x60, 0, 1, 0x7f}, append([]byte{0x60, 0}, sized(bytes.Repeat([]byte{0x7e}, results))...))
	functions, code := make([][]byte, len(bodies)), make([][]byte, len(bodies))
	for n, b := range bodies {
		functions[n], code[n] = []byte{0}, sized(b)
	}
	export := append(sized([]byte("tool_invoke")), 0, 0)
	return bytes.Join([][]byte{[]byte("\x00asm\x01\x00\x00\x00"), section(1, types), section(3, vector(functions...)),
		section(7, vector(export)), section(10, vector(code...))}, nil)
}

// tableBomb has a branch table of forty thousand labels, to each of which a thousand values go.
func tableBomb() []byte {
	const labels, values = 40_000, 1_000
	body := []byte{0, 0x02, 1} // no locals; block of type 1
	body = append(body, bytes.Repeat([]byte{0x42, 0}, values)...)
	body = append(body, 0x41, 0, 0x0e)
	body = append(binary.AppendUvarint(body, labels), make([]byte, labels+1)...)
	body = append(body, 0x0b)
	body = append(body, bytes.Repeat([]byte{0x1a}, values)...)
	return module(values, append(body, 0x41, 0, 0x0b))
}

// slowModule is within every bound of what is accepted, and as much work for the compiler as that leaves: loops beside
// loops over many locals, in function after function.
func slowModule() []byte {
	const locals, loops, functions = 1_000, 1_200, 10
	body := append(binary.AppendUvarint([]byte{1}, locals), 0x7f)
	var change []byte
	for n := range locals {
		change = append(binary.AppendUvarint(append(change, 0x20), uint64(n)), 0x41, 1, 0x6a, 0x21)
		change = binary.AppendUvarint(change, uint64(n))
	}
	body = append(body, change...)
	body = append(body, bytes.Repeat([]byte{0x03, 0x40, 0x20, 0, 0x0d, 0, 0x0b}, loops)...)
	body = append(body, change...)
	body = append(body, 0x41, 0, 0x0b)
	return module(0, slices.Repeat([][]byte{body}, functions)...)
}
