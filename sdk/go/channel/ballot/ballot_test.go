package ballot_test

import (
	"reflect"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/ballot"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestPoll(t *testing.T) {
	host := &sdktest.Host{KV: map[string]string{}}
	asked := &ballot.Poll{To: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "g", Thread: new("5")}, Message: "m", Question: "Tea?", Options: []string{"green", "black"}}
	asked.Keep(host.SDK(), "1")
	p, ok := ballot.Recall(host.SDK(), "1")
	if !ok || !reflect.DeepEqual(p, asked) {
		t.Fatalf("%v %+v", ok, p)
	}
	if _, ok := ballot.Recall(host.SDK(), "2"); ok {
		t.Error("a poll that nobody has asked is known")
	}
	host.KV["poll/3"] = "{"
	if _, ok := ballot.Recall(host.SDK(), "3"); ok {
		t.Error("what cannot be read is a poll")
	}
	who := wit.Person{ID: "ada"}
	m := p.Chosen(who, p.Option(1), p.Option(7))
	if m.Text != "[voted in the poll “Tea?”: black, an option that was added]" || m.Kind != wit.MessageKindService || m.ReplyTo.ID != "m" || *m.Conversation.Thread != "5" || m.Sender.ID != "ada" {
		t.Errorf("%+v", m)
	}
	if m := p.Chosen(who); m.Text != "[took back the vote in the poll “Tea?”]" {
		t.Errorf("%+v", m)
	}
}
