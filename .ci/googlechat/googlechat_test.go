// Package googlechat has Google's own client library for Go speak to the test server of Google Chat, so that the server is known to
// speak as documented. It is a module of its own, so that the gateway's has none of that library's dependencies.
package googlechat

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/oauth2/google"
	"google.golang.org/api/chat/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"

	"github.com/carapace-gateway/carapace/builtin-plugins/googlechat/googlechattest"
)

// library is the client library with a service account of a server that listens.
func library(t *testing.T) (*googlechattest.Server, *chat.Service) {
	t.Helper()
	s := googlechattest.New(googlechattest.Config{})
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": googlechattest.DefaultEmail, "token_uri": s.Root() + "/token",
		"private_key": strings.ReplaceAll(s.Secrets()["privateKey"], `\n`, "\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	config, err := google.JWTConfigFromJSON(file, "https://www.googleapis.com/auth/chat.bot")
	if err != nil {
		t.Fatal(err)
	}
	c, err := chat.NewService(t.Context(), option.WithEndpoint(s.Root()+"/"), option.WithHTTPClient(config.Client(t.Context())))
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func TestMessages(t *testing.T) {
	s, c := library(t)
	ada := googlechattest.Person{Name: "users/1", DisplayName: "Ada"}
	dm := s.Meet(ada)
	if _, err := c.Spaces.List().PageSize(1).Do(); err != nil {
		t.Fatal(err)
	}
	found, err := c.Spaces.FindDirectMessage().Name("users/1").Do()
	if err != nil || found.Name != dm.Name {
		t.Fatalf("%+v %v", found, err)
	}
	button := &chat.GoogleAppsCardV1Button{Text: "Yes", OnClick: &chat.GoogleAppsCardV1OnClick{Action: &chat.GoogleAppsCardV1Action{
		Function: "choose", Parameters: []*chat.GoogleAppsCardV1ActionParameter{{Key: "carapace", Value: "v"}},
	}}}
	card := &chat.CardWithId{CardId: "choices", Card: &chat.GoogleAppsCardV1Card{Sections: []*chat.GoogleAppsCardV1Section{{Widgets: []*chat.GoogleAppsCardV1Widget{{
		ButtonList: &chat.GoogleAppsCardV1ButtonList{Buttons: []*chat.GoogleAppsCardV1Button{button}},
	}}}}}}
	m := &chat.Message{Text: "hello", CardsV2: []*chat.CardWithId{card}}
	made, err := c.Spaces.Messages.Create(dm.Name, m).RequestId("r").Do()
	if err != nil || made.Text != "hello" || made.Thread.Name == "" {
		t.Fatalf("%+v %v", made, err)
	}
	again, err := c.Spaces.Messages.Create(dm.Name, m).RequestId("r").Do()
	if err != nil || again.Name != made.Name || len(s.Sent()) != 1 || s.Sent()[0].Choices["Yes"] != "v" {
		t.Errorf("%+v %v: %+v", again, err, s.Sent())
	}
	reply := &chat.Message{Text: "more", Thread: &chat.Thread{Name: made.Thread.Name}}
	if answer, err := c.Spaces.Messages.Create(dm.Name, reply).MessageReplyOption("REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD").Do(); err != nil || answer.Thread.Name != made.Thread.Name {
		t.Errorf("%+v %v", answer, err)
	}
	if changed, err := c.Spaces.Messages.Patch(made.Name, &chat.Message{Text: "changed"}).UpdateMask("text").Do(); err != nil || changed.Text != "changed" {
		t.Errorf("%+v %v", changed, err)
	}
	for _, want := range []int{0, http.StatusNotFound} {
		_, err := c.Spaces.Messages.Delete(made.Name).Do()
		if refused, _ := err.(*googleapi.Error); want == 0 && err != nil || want != 0 && (refused == nil || refused.Code != want) {
			t.Errorf("%v", err)
		}
	}
}

func TestMedia(t *testing.T) {
	s, c := library(t)
	data := bytes.Repeat([]byte("a picture"), 1000)
	res, err := c.Media.Download(s.Upload("image/png", data)).Download()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestEvents reads an event as the library has it, to see that the server's have its form.
func TestEvents(t *testing.T) {
	s, _ := library(t)
	ada := googlechattest.Person{Name: "users/1", DisplayName: "Ada"}
	club := googlechattest.Space{Name: "spaces/club", Type: "SPACE"}
	m := googlechattest.Text(club, "hello")
	m["name"] = "spaces/club/messages/1"
	text, err := json.Marshal(s.Event("MESSAGE", ada, club, map[string]any{"message": m}))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var e chat.DeprecatedEvent
	if err := d.Decode(&e); err != nil || e.Message.ArgumentText != " hello" || e.Message.Annotations[0].UserMention.User.Type != "BOT" || e.User.Name != ada.Name {
		t.Errorf("%v: %s", err, text)
	}
	if parsed, err := idtoken.ParsePayload(s.Sign(s.Claims())); err != nil || parsed.Issuer != "chat@system.gserviceaccount.com" || parsed.Audience != googlechattest.DefaultProject {
		t.Errorf("%+v %v", parsed, err)
	}
}
