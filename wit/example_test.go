package wit_test

import (
	"fmt"

	"github.com/carapace-gateway/carapace/wit"
)

// What a plugin answers is decoded, and then held against the contract's bounds.
func Example() {
	answer := new(wit.ChannelAnswer)
	err := wit.Unmarshal([]byte(`{"messages":[{"id":"7","conversation":{"kind":"group"},"text":"hello"}]}`), answer)
	fmt.Println(err)
	fmt.Println(answer.Messages[0].Text)
	fmt.Println(answer.Validate())
	// Output:
	// <nil>
	// hello
	// messages[0].conversation.id: is missing
}

// The table of exports says what is true of each function.
func ExampleExport() {
	f := wit.Export("channel_event")
	fmt.Println(f.Param, f.Result, f.Pure)
	fmt.Println(wit.Export("channel_fly") == nil)
	// Output:
	// ChannelEvent ChannelAnswer true
	// true
}

// Nobody lists permissions by hand: a manifest's names are in the contract's order.
func ExamplePermissions_Names() {
	p := &wit.Permissions{KV: &wit.Permission{Reason: "To count."}, Emit: &wit.Permission{Reason: "To tell the count."}}
	for _, name := range p.Names() {
		fmt.Println(name, "–", p.Reason(name))
	}
	fmt.Println(p.Has("http"))
	// Output:
	// kv – To count.
	// emit – To tell the count.
	// false
}
