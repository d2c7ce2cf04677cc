package signal_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/signal/signaltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestDirectory(t *testing.T) {
	channeltest.Proves(t, channeltest.Directory)
	r := newRig(t)
	r.server.Meet(signaltest.Person{ACI: "bbbbbbbb-0000-4000-8000-000000000009", Name: "Adam"})
	r.server.Group(crew.ID, "Crew")
	find := func(words string, kind *wit.ConversationKind) string {
		t.Helper()
		answer, err := r.plugin.(channel.Finder).Directory(r.host.SDK(), &wit.DirectoryQuery{Config: r.config, Query: words, Kind: kind, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, e := range answer.Entries {
			ids = append(ids, string(e.Kind)+" "+e.ID)
		}
		return strings.Join(ids, ", ")
	}
	for _, c := range []struct {
		words string
		kind  *wit.ConversationKind
		want  string
	}{
		{"Ada", nil, "direct +15550101, direct bbbbbbbb-0000-4000-8000-000000000009"},
		{"+15550101", nil, "direct +15550101"},
		{"crew", nil, "group " + crew.ID},
		{"", new(wit.ConversationKindGroup), "group " + crew.ID},
		{"left", nil, ""},
		{"a", new(wit.ConversationKindGroup), ""},
	} {
		if got := find(c.words, c.kind); got != c.want {
			t.Errorf("%q: %q, want %q", c.words, got, c.want)
		}
	}
	r.server.Fail(signaltest.Fault{Code: -3, Message: "no network"})
	if _, err := r.plugin.(channel.Finder).Directory(r.host.SDK(), &wit.DirectoryQuery{Config: r.config}); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("%v", err)
	}
}

func TestPoll(t *testing.T) {
	channeltest.Proves(t, channeltest.Polls)
	r := newRig(t)
	ask := func(most uint32, options ...string) error {
		_, err := r.plugin.(channel.Poller).Poll(r.host.SDK(), &wit.ChannelPoll{Config: r.config, State: r.state, To: crew, Question: "When?", Options: options, MaxSelections: most})
		return err
	}
	for most, one := range map[uint32]bool{1: true, 0: true, 2: false} {
		err := ask(most, "Mon", "Tue")
		list := r.server.Sent()
		if m := list[len(list)-1]; err != nil || m.Group != crew.ID || m.Text != "When?" || strings.Join(m.Options, " ") != "Mon Tue" || m.One != one {
			t.Errorf("%+v %v", m, err)
		}
	}
	if err := ask(1, "Mon"); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("with one option: %v", err)
	}
}
