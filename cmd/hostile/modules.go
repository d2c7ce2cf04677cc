package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// tableBomb has a branch table of forty thousand labels, to each of which a thousand values go.
func tableBomb() []byte {
	const labels, values = 40_000, 1_000
	code := slices.Concat([]byte{0x02, many}, bytes.Repeat([]byte{0x42, 0}, values), []byte{0x41, 0, 0x0e},
		number(labels), make([]byte, labels+1), []byte{0x0b}, bytes.Repeat([]byte{0x1a}, values), constant(0))
	return tool(function{locals: noLocals, code: code, results: values}).bytes()
}

// slowModule is within every bound of what is accepted, and as much work for the compiler as that leaves: loops beside
// loops over many locals, in function after function.
func slowModule() []byte {
	const locals, loops, functions = 1_000, 1_200, 10
	var change []byte
	for n := range locals {
		change = slices.Concat(change, []byte{0x20}, number(n), []byte{0x41, 1, 0x6a, 0x21}, number(n))
	}
	code := slices.Concat(change, bytes.Repeat([]byte{0x03, 0x40, 0x20, 0, 0x0d, 0, 0x0b}, loops), change, constant(0))
	f := function{locals: slices.Concat([]byte{1}, number(locals), []byte{i32}), code: code}
	m := tool(f)
	for range functions - 1 {
		m.own = append(m.own, function{kind: export, locals: f.locals, code: code})
	}
	return m.bytes()
}

// recursion calls itself without an end.
func recursion() []byte { return tool(function{locals: noLocals, code: calls(0)}).bytes() }

// startRecursion does so before anything of it is called.
func startRecursion() []byte {
	m := tool(function{locals: noLocals, code: constant(0)})
	m.own = append(m.own, function{kind: procedure, locals: noLocals, code: calls(1)})
	m.start = 1
	return m.bytes()
}

// spinning has one export, which never comes to an end.
func spinning(name string) []byte {
	m := tool(function{locals: noLocals, code: forever()})
	m.own[0].names = []string{name}
	return m.bytes()
}

// memoryHog takes page after page and fills the last one it has, also when there is none to be had any more.
func memoryHog() []byte {
	const page = 1 << 16
	lastPage := slices.Concat([]byte{0x3f, 0}, constant(page), []byte{0x6c}, constant(page), []byte{0x6b}) // memory.size * page - page
	fill := slices.Concat(lastPage, constant(1), constant(page), []byte{0xfc, 11, 0})
	return tool(function{locals: noLocals, code: forever(constant(1), []byte{0x40, 0, 0x1a}, fill)}).bytes()
}

// forger writes lines into the log and to its stderr, and then fails with what it wrote.
func forger() []byte {
	line, err := json.Marshal(wit.LogLine{Level: wit.LogLevelError, Message: forged})
	if err != nil {
		panic(err) // it is two texts
	}
	printed := forged + "\n"
	const alloc, copyTo, logWrite, print, fail = 0, 1, 2, 3, 4 // imports
	const vector = 8 << 10                                     // an address behind the data
	const block, count = 0, 1                                  // locals
	store := func(at, n int) []byte { return slices.Concat(constant(at), constant(n), []byte{0x36, 2, 0}) }
	put := func(at, n int) []byte { // a text into a new block, whose offset is left on the stack
		return slices.Concat(constant64(n), calls(alloc), []byte{0x22, block}, constant(at), constant(n), calls(copyTo), []byte{0x20, block})
	}
	code := slices.Concat(store(vector, len(line)), store(vector+4, len(printed)),
		[]byte{0x03, 0x40}, // loop
		put(0, len(line)), calls(logWrite), []byte{0x1a},
		constant(2), constant(vector), constant(1), constant(vector+8), calls(print), []byte{0x1a},
		[]byte{0x20, count}, constant(1), []byte{0x6a, 0x22, count}, constant(forgedLines), []byte{0x48, 0x0d, 0, 0x0b}, // while ++count < forgedLines
		put(len(line), len(forged)), calls(fail), constant(1))
	m := tool(function{locals: []byte{2, 1, i64, 1, i32}, code: code})
	m.imports = []function{
		{names: []string{"extism:host/env", "alloc"}, kind: call},
		{names: []string{"carapace:host/memory", "write"}, kind: write},
		{names: []string{"extism:host/user", "log_write"}, kind: call},
		{names: []string{"wasi_snapshot_preview1", "fd_write"}, kind: fdWrite},
		{names: []string{"extism:host/env", "error_set"}, kind: take},
	}
	m.data = string(line) + printed
	return m.bytes()
}

// connector is a channel that answers whatever it is told by opening as many connections as an answer may, under
// other names each time, so that none takes another one's place.
func connector(address string) []byte {
	var answer strings.Builder
	var names []int // where the byte stands that makes a name another one
	answer.WriteString(`{"status":{"state":"connected"},"timers":[{"id":"again","after":1}],"open":[`)
	for n := range connectionsEach {
		if n > 0 {
			answer.WriteByte(',')
		}
		answer.WriteString(`{"connection":"`)
		names = append(names, answer.Len())
		fmt.Fprintf(&answer, `a%d","transport":"tcp","url":%q}`, n, address)
	}
	answer.WriteString(`]}`)
	const counter = 8 << 10
	load := slices.Concat(constant(counter), []byte{0x28, 2, 0})
	next := slices.Concat(constant(counter), load, load, constant('z'-'a'), []byte{0x48, 0x6a, 0x36, 2, 0}) // counter += counter < 25
	var rename []byte
	for _, at := range names {
		rename = slices.Concat(rename, constant(at), load, constant('a'), []byte{0x6a, 0x3a, 0, 0})
	}
	code := slices.Concat(next, rename, constant(0), constant(answer.Len()), calls(0), constant(0))
	return module{
		imports: []function{{names: []string{"carapace:host/memory", "output"}, kind: output}},
		own:     []function{{names: []string{"channel_event", "channel_send"}, kind: export, locals: noLocals, code: code}},
		data:    answer.String(),
	}.bytes()
}
