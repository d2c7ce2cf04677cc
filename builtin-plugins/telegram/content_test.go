package telegram_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// receive is what a poll makes of one message with the given fields beside the usual ones.
func receive(t *testing.T, fields string) (wit.Message, *wit.ChannelAnswer) {
	t.Helper()
	out := answered(t, fields)
	if len(out.Messages) != 1 {
		t.Fatalf("%s: %d messages", fields, len(out.Messages))
	}
	return out.Messages[0], out
}

// answered is the answer to a poll of such a message.
func answered(t *testing.T, fields string) *wit.ChannelAnswer {
	t.Helper()
	body := `{"ok":true,"result":[{"update_id":9,"message":{"message_id":3,"date":1,"chat":{"id":-5,"type":"group","title":"Crew"},` +
		`"from":{"id":7,"first_name":"Ada"},` + fields + `}}]}`
	if !json.Valid([]byte(body)) {
		t.Fatalf("the update is not JSON: %s", body)
	}
	out, err := telegram.New().Event((&sdktest.Host{}).SDK(), &wit.ChannelEvent{
		Kind: wit.EventKindResponse, State: wit.JSON(`{"generation":3,"me":{"id":"42","username":"bot"}}`),
		Response: &wit.HTTPResponse{ID: "poll:3", Status: 200, Text: &body},
	})
	if err != nil {
		t.Fatalf("%s: %v", fields, err)
	}
	return out
}

func TestWhatIsNotATextIsToldInWords(t *testing.T) {
	const group, channel = `{"id":-8,"type":"supergroup","title":"Bees"}`, `{"id":-9,"type":"channel","title":"City News"}`
	for fields, want := range map[string]string{
		`"poll":{"question":"When?","options":[{"text":"today"},{"text":"never"}]}`:                                                       "[poll] When?\n- today\n- never",
		`"dice":{"emoji":"🎲","value":4}`:                                                                                                  "🎲 4",
		`"game":{"title":"Snake","description":"Eat."}`:                                                                                   "[game] Snake: Eat.",
		`"checklist":{"title":"Trip","tasks":[{"id":1,"text":"map","completion_date":5},{"id":2,"text":"tent"}]}`:                         "[checklist] Trip\n☑ map\n☐ tent",
		`"story":{"id":1,"chat":` + channel + `}`:                                                                                         "[story of City News]",
		`"invoice":{"title":"Tea","description":"","currency":"EUR","total_amount":500}`:                                                  "[invoice] Tea",
		`"paid_media":{"star_count":5,"paid_media":[{"type":"preview"}]}`:                                                                 "[pictures or videos for 5 stars]",
		`"giveaway":{"winner_count":3,"prize_description":"Cake"}`:                                                                        "[giveaway for 3 winners] Cake",
		`"users_shared":{"users":[{"user_id":8,"first_name":"Bo"},{"user_id":9}]}`:                                                        "[shared: Bo, 9]",
		`"hologram":{"depth":3},"via_bot":{"id":1,"first_name":"Gif"}`:                                                                    "[a message of a kind that cannot be read here: hologram]",
		`"via_bot":{"id":1,"first_name":"Gif"}`:                                                                                           "[a message that Telegram does not show to bots]",
		`"text":"x","hologram":{"depth":3}`:                                                                                               "x",
		`"venue":{"title":"Café","address":"Ring 1","location":{"latitude":1.5,"longitude":2}},"location":{"latitude":1.5,"longitude":2}`: "",
	} {
		m, _ := receive(t, fields)
		if m.Kind != wit.MessageKindText || m.Text != want {
			t.Errorf("%s\n got  %s %q\n want %q", fields, m.Kind, m.Text, want)
		}
		if strings.Contains(fields, "venue") && (len(m.Attachments) != 1 || *m.Attachments[0].Name != "Café" || *m.Attachments[0].Caption != "Ring 1 (1.5,2)") {
			t.Errorf("venue: %+v", m.Attachments)
		}
	}
}

// TestWhatIsForwardedIsTold as data, and the text is the original's.
func TestWhatIsForwardedIsTold(t *testing.T) {
	const group, channel = `{"id":-8,"type":"supergroup","title":"Bees"}`, `{"id":-9,"type":"channel","title":"City News"}`
	for origin, want := range map[string]string{
		`{"type":"user","date":5,"sender_user":{"id":9,"first_name":"Dora","last_name":"Öz"}}`: `{"sender":{"id":"9","name":"Dora Öz"},"time":5000}`,
		`{"type":"hidden_user","sender_user_name":"Old Berta"}`:                                `{"sender":{"name":"Old Berta"}}`,
		`{"type":"chat","sender_chat":` + group + `,"author_signature":"boss"}`:                `{"sender":{"name":"boss"},"conversation":{"kind":"group","id":"-8","name":"Bees"}}`,
		`{"type":"channel","chat":` + channel + `,"message_id":7}`:                             `{"conversation":{"kind":"channel","id":"-9","name":"City News"},"id":"-9:7"}`,
		`{"type":"a new one"}`: `{}`,
	} {
		m, _ := receive(t, `"text":"/new","forward_origin":`+origin)
		if m.Text != "/new" || m.Forwarded == nil || string(wit.Marshal(m.Forwarded)) != want {
			t.Errorf("%s\n got  %q %s\n want %s", origin, m.Text, wit.Marshal(m.Forwarded), want)
		}
	}
	if m, _ := receive(t, `"text":"x"`); m.Forwarded != nil {
		t.Errorf("%+v", m.Forwarded)
	}
}

// TestSizesAreTold of what has some.
func TestSizesAreTold(t *testing.T) {
	for fields, want := range map[string]string{
		`"photo":[{"file_id":"x","width":90,"height":60},{"file_id":"y","width":1280,"height":853}]`: ` 1280×853`,
		`"voice":{"file_id":"x","duration":65}`:                                                      `65000`,
		`"video":{"file_id":"x","duration":2,"width":640,"height":480}`:                              `2000 640×480`,
		`"video_note":{"file_id":"x","duration":3,"length":240}`:                                     `3000 240×240`,
		`"sticker":{"file_id":"x","width":-1,"height":99999999999}`:                                  ``,
		`"document":{"file_id":"x"}`:                                                                 ``,
	} {
		var state struct{ Pending struct{ Message wit.Message } } // it waits for its file
		if err := json.Unmarshal(answered(t, fields).State, &state); err != nil || len(state.Pending.Message.Attachments) != 1 {
			t.Errorf("%s: %+v, %v", fields, state, err)
			continue
		}
		a, got := state.Pending.Message.Attachments[0], ""
		if a.Duration != nil {
			got = fmt.Sprint(*a.Duration)
		}
		if a.Width != nil && a.Height != nil {
			got += fmt.Sprintf(" %d×%d", *a.Width, *a.Height)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", fields, got, want)
		}
	}
}

// TestAVenueWithoutATitle is told from the location that stands beside it, whichever comes first.
func TestAVenueWithoutATitle(t *testing.T) {
	const venue, location = `"venue":{"address":"Ring 1","location":{"latitude":1.5,"longitude":2}}`, `"location":{"latitude":1.5,"longitude":2}`
	for _, fields := range []string{venue + "," + location, location + "," + venue} {
		if m, _ := receive(t, fields); len(m.Attachments) != 1 || deref(m.Attachments[0].Caption) != "Ring 1 (1.5,2)" {
			t.Errorf("%s: %s", fields, wit.Marshal(&m))
		}
	}
}

func TestWhatHappensInAChatIsToldInWords(t *testing.T) {
	for fields, want := range map[string]string{
		`"pinned_message":{"message_id":1,"photo":[{"file_id":"x"}]}`:                       "A message was pinned: [image]",
		`"gift":{"gift":{"star_count":25},"text":"thanks"}`:                                 "[gift worth 25 stars] thanks",
		`"forum_topic_closed":{}`:                                                           "[forum topic closed]",
		`"group_chat_created":true`:                                                         "[group chat created]",
		`"left_chat_member":{"id":8,"first_name":"Bo"},"left_chat_participant":{"id":8}`:    "Bo left",
		`"checklist_tasks_added":{"tasks":[{"text":"soap"}]}`:                               "Tasks were added to a checklist\n☐ soap",
		`"video_chat_participants_invited":{"users":[{"id":1,"first_name":"Al"},{"id":2}]}`: "Al, 2 were invited to the video chat",
	} {
		if m, _ := receive(t, fields); m.Kind != wit.MessageKindService || m.Text != want {
			t.Errorf("%s\n got  %s %q\n want %q", fields, m.Kind, m.Text, want)
		}
	}
}

func TestWhatIsAnsweredIsTold(t *testing.T) {
	for fields, want := range map[string]string{
		`"reply_to_message":{"message_id":1,"from":{"id":9,"first_name":"Bo"},"photo":[{"file_id":"x"}]}`:                                 "-5:1 Bo [image]",
		`"reply_to_message":{"message_id":1,"from":{"id":9,"first_name":"Bo"},"text":"one two"},"quote":{"text":"two"}`:                   "-5:1 Bo two",
		`"external_reply":{"origin":{"type":"user","sender_user":{"id":9,"first_name":"Carl"}},"message_id":5},"quote":{"text":"Trains"}`: " Carl Trains",
		`"external_reply":{"origin":{"type":"hidden_user","sender_user_name":"Eve"},"poll":{"question":"Q?","options":[{"text":"a"}]}}`:   " Eve [poll] Q?\n- a",
		`"external_reply":{"origin":{"type":"channel","chat":{"id":-9,"title":"News"}},"chat":{"id":-9,"title":"News"},"message_id":8}`:   "-9:8 News ",
		`"reply_to_story":{"chat":{"id":-9,"title":"News"},"id":2}`:                                                                       " News [story]",
	} {
		m, _ := receive(t, `"text":"x",`+fields)
		if q := m.ReplyTo; q == nil || fmt.Sprintf("%s %s %s", q.ID, deref(q.Sender.Name), deref(q.Text)) != want {
			t.Errorf("%s: %+v, want %q", fields, q, want)
		}
	}
}

func TestAGroupThatMovesIsTold(t *testing.T) {
	channeltest.Proves(t, channeltest.Moves)
	for fields, want := range map[string]wit.Move{
		`"migrate_to_chat_id":-1007`:   {From: "-5", To: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-1007", Name: new("Crew")}},
		`"migrate_from_chat_id":-4007`: {From: "-4007", To: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-5", Name: new("Crew")}},
	} {
		if _, out := receive(t, fields); len(out.Moved) != 1 || string(wit.Marshal(&out.Moved[0])) != string(wit.Marshal(&want)) {
			t.Errorf("%s: %+v", fields, out.Moved)
		}
	}
}
