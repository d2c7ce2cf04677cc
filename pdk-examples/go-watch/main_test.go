package main

import (
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestWatch: what has changed is told once.
func TestWatch(t *testing.T) {
	price := "7"
	h := &sdktest.Host{Tools: map[string]func(wit.JSON) (*wit.ToolAnswer, error){
		"price": func(args wit.JSON) (*wit.ToolAnswer, error) {
			return &wit.ToolAnswer{Content: []wit.Part{{Text: new(string(args) + " costs " + price)}}}, nil
		},
	}}
	call := &wit.ToolInvocation{Args: wit.JSON(`{"tool":"price","args":{"of":"tea"},"seconds":60}`), Context: wit.ToolContext{Session: "main"}}
	out, err := watch{}.Invoke(h.SDK(), call)
	if err != nil || *out.Content[0].Text != `It says now: {"of":"tea"} costs 7` || len(h.Jobs) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	for _, now := range []string{"7", "8", "8"} {
		price = now
		for id, job := range h.Jobs {
			if _, err := (watch{}).Fire(h.SDK(), &wit.Firing{ID: id, Payload: job.Payload}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(h.Sent) != 1 || h.Sent[0].Text != `price says now: {"of":"tea"} costs 8` {
		t.Errorf("sent %+v", h.Sent)
	}
	call.Args = wit.JSON(`{"tool":"none","args":{},"seconds":60}`)
	if out, err := (watch{}).Invoke(h.SDK(), call); err != nil || !out.Failed {
		t.Errorf("a tool that there is not: %+v, %v", out, err)
	}
}
