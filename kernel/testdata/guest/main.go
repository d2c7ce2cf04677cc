// Command guest is a tool that does what it is told, well or badly, for the kernel's tests.
package main

import (
	"os"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

// version is set at link time, so that one source makes several versions.
var version = "v0"

func init() {
	switch version {
	case "dies":
		panic("it dies in its start")
	case "loops":
		for {
		}
	}
	tool.Register("guest", guest{})
}

func main() {}

type guest struct{}

const key = "go on"

// reports is how often "report" says how far it is.
const reports = 1000

func (guest) Invoke(host *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	args, err := json.Parse(call.Args)
	if err != nil {
		return nil, err
	}
	switch args.Get("do").Text() {
	case "hold":
		hold(host)
	case "report":
		for n := range reports {
			if err := host.Progress("step " + strconv.Itoa(n+1)); err != nil {
				return nil, err
			}
		}
		hold(host)
	case "release":
		if err := host.KVPut(key, "x", 0); err != nil {
			return nil, err
		}
	case "loop":
		for {
		}
	case "recurse":
		return tool.Text(recurse(1)), nil
	case "allocate":
		var all []string
		for {
			all = append(all, strings.Repeat("x", 1<<20))
		}
	case "reach":
		return tool.Text(reach()), nil
	case "trap":
		panic("on purpose")
	case "flood":
		return tool.Text(strings.Repeat("x", 8<<20)), nil
	}
	return tool.Text(version), nil
}

// reach says what it gets of the machine.
func reach() string {
	var got []string
	if b, err := os.ReadFile("/etc/passwd"); err == nil {
		got = append(got, string(b))
	}
	if list, err := os.ReadDir("/"); err == nil {
		got = append(got, "a folder of", strconv.Itoa(len(list)))
	}
	if err := os.WriteFile("left", nil, 0o600); err == nil {
		got = append(got, "a file of its own")
	}
	return strings.Join(append(append(got, os.Environ()...), os.Args...), " ")
}

// hold waits until another call releases it.
func hold(host *sdk.Host) {
	for {
		if _, found, err := host.KVGet(key); err == nil && found {
			return
		}
	}
}

func recurse(n int) string {
	if n == 0 {
		return ""
	}
	return recurse(n+1) + "x"
}
