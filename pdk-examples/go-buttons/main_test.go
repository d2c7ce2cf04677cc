package main

import (
	"testing"

	"github.com/carapace-gateway/carapace/pdk-examples/go-buttons/toyboard"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

const config = `{"url":"http://toy"}`

// TestButtons: a message is sent with two rows of buttons, and loses them, once with its text and once without.
func TestButtons(t *testing.T) {
	server := toyboard.New()
	host := (&sdktest.Host{HTTP: server, Credentials: map[string]string{"token": toyboard.Token}}).SDK()
	rows := []wit.ActionRow{{Actions: []wit.Action{{Label: "Yes", Value: "v1"}}}, {Actions: []wit.Action{{Label: "No", Value: "v2"}}}}
	sent, err := board{}.Send(host, &wit.ChannelSend{Config: wit.JSON(config), To: wit.Conversation{ID: "u1"}, Text: "Sure?", IdempotencyKey: "k1", Actions: rows})
	if err != nil || len(sent.IDs) != 1 || sent.IDs[0] != "1" {
		t.Fatalf("%+v, %v", sent, err)
	}
	shows := func(text string, buttons int) {
		t.Helper()
		m, _ := server.Wait(t.Context(), func(toyboard.Message) bool { return true })
		if m.Text != text || len(m.Buttons) != buttons || buttons == 2 && m.Buttons[1] != (toyboard.Button{Label: "No", Value: "v2"}) {
			t.Errorf("%+v", m)
		}
	}
	shows("Sure?", 2)
	for _, text := range []string{"", "Sure? Yes."} {
		if _, err := (board{}).Edit(host, &wit.ChannelEdit{Config: wit.JSON(config), ID: "1", Text: text}); err != nil {
			t.Error(err)
		}
	}
	shows("Sure? Yes.", 0)
}

// TestDirectory: people are found by id and by a part of the name.
func TestDirectory(t *testing.T) {
	server := toyboard.New(toyboard.Person{ID: "u1", Name: "Ann Li"}, toyboard.Person{ID: "u2", Name: "Ben"})
	host := (&sdktest.Host{HTTP: server, Credentials: map[string]string{"token": toyboard.Token}}).SDK()
	for query, want := range map[string]int{"": 2, "ANN": 1, "u2": 1, "n": 2, "Cy": 0} {
		found, err := board{}.Directory(host, &wit.DirectoryQuery{Config: wit.JSON(config), Query: query})
		if err != nil || len(found.Entries) != want {
			t.Errorf("%q: %+v, %v", query, found, err)
		}
	}
}

func TestTranscripts(t *testing.T) { sdktest.Replay(t, board{}, "testdata/*.jsonl") }
