//go:build wasip1

// A tool for the model, written with nothing but the Extism PDK for Go. Build it with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags="-s -w" -o plugin.wasm .
package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	pdk "github.com/extism/go-pdk"
)

func main() {}

type invocation struct {
	Name string `json:"name"`
	Args struct {
		Text string `json:"text"`
	} `json:"args"`
}

type part struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

type output struct {
	Content []part `json:"content"`
}

type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

//go:wasmexport tool_invoke
func toolInvoke() int32 {
	var call invocation
	if err := pdk.InputJSON(&call); err != nil {
		return fail("invalid", "the call is not valid JSON")
	}
	if call.Name != "count_words" {
		return fail("not_found", "this plugin has no tool "+call.Name)
	}
	text := call.Args.Text
	answer := fmt.Sprintf("%d lines, %d words, %d characters",
		strings.Count(text, "\n")+1, len(strings.Fields(text)), utf8.RuneCountInString(text))
	if err := pdk.OutputJSON(output{Content: []part{{Kind: "text", Text: answer}}}); err != nil {
		return fail("internal", "the answer cannot be written")
	}
	return 0
}

// fail reports an error with a code that the gateway understands.
func fail(code, message string) int32 {
	pdk.SetErrorString(fmt.Sprintf(`{"code":%q,"message":%q}`, code, message))
	return 1
}
