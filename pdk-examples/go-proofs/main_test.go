package main

import (
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestHandle(t *testing.T) {
	host := &sdktest.Host{}
	for _, c := range []struct {
		route  string
		text   *string
		status uint16
		reply  string
	}{
		{"header", new("hello"), 202, "told"},
		{"header", new("hello"), 200, "known"},
		{"field", new("hello"), 202, "told"}, // somebody else says so too
		{"header", nil, 400, "this is no text"},
	} {
		call := &wit.WebhookCall{Route: c.route, Request: wit.WebhookRequest{Text: c.text}}
		reply, err := senders{}.Handle(host.SDK(), call)
		if err != nil || reply.Status != c.status || *reply.Text != c.reply {
			t.Errorf("%s: %+v, %v", c.route, reply, err)
		}
	}
	told := host.Emitted
	if len(told) != 2 || told[1].Name != "said" || string(told[1].Payload) != `{"route":"field","text":"hello"}` {
		t.Errorf("told %+v", told)
	}
}
