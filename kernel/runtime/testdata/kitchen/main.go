//go:build wasip1

// Kitchen is a guest that does one of everything, good and bad, with an unmodified Extism PDK.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	pdk "github.com/extism/go-pdk"
)

func main() {}

//go:wasmimport extism:host/user greet
func greet(uint64) uint64

//go:wasmimport extism:host/user ungranted
func ungranted(uint64) uint64

//go:wasmexport noop
func noop() int32 { return 0 }

//go:wasmexport void
func void() { pdk.OutputString("void") }

//go:wasmexport echo
func echo() int32 {
	pdk.Output(pdk.Input())
	return 0
}

type message struct {
	ID    string   `json:"id"`
	Text  string   `json:"text"`
	Tags  []string `json:"tags,omitempty"`
	Count int      `json:"count"`
}

//go:wasmexport json
func jsonCall() int32 {
	var m message
	if err := pdk.InputJSON(&m); err != nil {
		pdk.SetError(err)
		return 1
	}
	m.Text = strings.ToUpper(m.Text)
	m.Count++
	if err := pdk.OutputJSON(m); err != nil {
		pdk.SetError(err)
		return 1
	}
	return 0
}

//go:wasmexport config
func config() int32 {
	v, ok := pdk.GetConfig(pdk.InputString())
	pdk.OutputString(fmt.Sprintf("%s %v", v, ok))
	return 0
}

//go:wasmexport vars
func vars() int32 {
	n := pdk.GetVarInt("n")
	pdk.SetVarInt("n", n+1)
	pdk.SetVar("gone", []byte("x"))
	pdk.RemoveVar("gone")
	pdk.OutputString(fmt.Sprintf("%d %v", n, pdk.GetVar("gone") == nil))
	return 0
}

//go:wasmexport bigvar
func bigvar() int32 {
	pdk.SetVar("big", make([]byte, 2<<20))
	return 0
}

//go:wasmexport log
func log() int32 {
	pdk.Log(pdk.LogInfo, "hello")
	pdk.Log(pdk.LogError, pdk.InputString())
	fmt.Println("to stdout")
	fmt.Fprintln(os.Stderr, "to stderr")
	return 0
}

//go:wasmexport http
func http() int32 {
	r := pdk.NewHTTPRequest(pdk.MethodPost, "https://example.invalid/path")
	r.SetHeader("x-test", "1")
	r.SetBody(pdk.Input())
	res := r.Send()
	pdk.OutputString(fmt.Sprintf("%d %s %s", res.Status(), res.Headers()["x-answer"], res.Body()))
	return 0
}

func call(f func(uint64) uint64) int32 {
	m := pdk.AllocateString(pdk.InputString())
	out := pdk.FindMemory(f(m.Offset()))
	pdk.OutputMemory(out)
	return 0
}

//go:wasmexport greet_call
func greetCall() int32 { return call(greet) }

//go:wasmexport ungranted_call
func ungrantedCall() int32 { return call(ungranted) }

//go:wasmexport fail
func fail() int32 {
	pdk.SetError(errors.New(pdk.InputString()))
	return 1
}

//go:wasmexport quiet_fail
func quietFail() int32 { return 7 }

//go:wasmexport panics
func panics() int32 { panic("boom") }

//go:wasmexport exits
func exits() int32 { os.Exit(3); return 0 }

//go:wasmexport spin
func spin() int32 {
	for n := 0; ; n++ {
		if n < 0 {
			return 1
		}
	}
}

//go:wasmexport hog
func hog() int32 {
	var all [][]byte
	for {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = 1
		}
		all = append(all, b)
		if len(all) < 0 {
			return 1
		}
	}
}

func deep(n int) int {
	if n < 0 {
		return 0
	}
	return deep(n+1) + 1
}

//go:wasmexport recurse
func recurse() int32 { return int32(deep(0)) }

//go:wasmexport sleep
func sleep() int32 {
	start := time.Now()
	d, _ := time.ParseDuration(pdk.InputString())
	time.Sleep(d)
	if time.Since(start) < d {
		return 1
	}
	return 0
}

var counter int

//go:wasmexport count
func count() int32 {
	counter++
	b, _ := json.Marshal(counter)
	pdk.Output(b)
	return 0
}

//go:wasmexport fib
func fib() int32 {
	var n int
	fmt.Sscan(pdk.InputString(), &n)
	pdk.OutputString(fmt.Sprint(fibonacci(n)))
	return 0
}

func fibonacci(n int) int {
	if n < 2 {
		return n
	}
	return fibonacci(n-1) + fibonacci(n-2)
}

//go:wasmexport large
func large() int32 {
	pdk.Output(make([]byte, 5<<20))
	return 0
}
