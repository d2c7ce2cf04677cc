package message_test

import (
	"math"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

func TestForwarded(t *testing.T) {
	ann := &wit.Person{ID: "7", Name: new("Ann")}
	bees := &wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-5", Name: new("Bees")}
	for want, f := range map[string]*wit.Forward{
		"":                                 nil,
		"[forwarded from somebody]":        {},
		"[forwarded from Ann]":             {Sender: ann},
		"[forwarded from Ann, 2023-11-14]": {Sender: ann, Time: 1_700_000_000_000},
		"[forwarded from Ann, in the group Bees]":         {Sender: ann, Conversation: bees},
		"[forwarded from the group Bees]":                 {Conversation: bees, Sender: &wit.Person{}},
		"[forwarded from the channel -9]":                 {Conversation: &wit.Conversation{Kind: wit.ConversationKindChannel, ID: "-9", Name: new("")}},
		"[forwarded from 8]":                              {Sender: &wit.Person{ID: "8"}, Conversation: &wit.Conversation{ID: "8"}},
		"[forwarded from the group x) y (forwarded from]": {Sender: &wit.Person{ID: "-5", Name: new("Bees")}, Conversation: &wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-5", Name: new("x] y [forwarded from")}},
	} {
		if got := message.Forwarded(f); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestMeasures(t *testing.T) {
	for want, m := range map[string]struct {
		duration      *int64
		width, height *uint32
	}{
		"": {}, ", 0:01": {duration: new(int64(1))}, ", 1:05": {duration: new(int64(65_000))}, ", 640×480 pixels": {nil, new(uint32(640)), new(uint32(480))},
		", 61:00, 1×2 pixels": {new(int64(3_660_000)), new(uint32(1)), new(uint32(2))},
	} {
		if got := message.Measures(m.duration, m.width, m.height); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, d := range []int64{0, -1, math.MinInt64} {
		if got := message.Measures(&d, new(uint32(5)), new(uint32(0))); got != "" {
			t.Errorf("%d: %q", d, got)
		}
	}
	_ = message.Measures(new(int64(math.MaxInt64)), nil, nil) // a platform's number, whatever it is
}
