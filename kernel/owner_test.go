package kernel_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// room is a kernel whose channel lets everybody write, and whose model says all that it was told.
type room struct {
	*kerneltest.Platform
	*kerneltest.Listener
}

// newRoom boots it with further settings, which begin with a comma.
func newRoom(t *testing.T, settings string) room {
	t.Helper()
	told := kerneltest.Provider("told", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		var all []string
		for _, turn := range c.Turns {
			for _, part := range turn.Content {
				if part.Text != nil {
					all = append(all, *part.Text)
				}
			}
		}
		return kerneltest.Says(strings.Join(all, " | ")), nil
	})
	p := kerneltest.NewPlatform(t)
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Channel("chat"), told), kerneltest.Config(t, fmt.Sprintf(
		`{"channels":{"chat":{"accounts":{"home":{"dmPolicy":"open","groupPolicy":"open","requireMention":false,"config":{"root":%q}}}}}%s}`, p.URL, settings)))
	l := k.Listen()
	setToken(l)
	return room{p, l}
}

// hears says something as a person and returns what they are answered.
func (r room) hears(person, text string) string {
	return r.answer(wit.Message{Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: person}, Sender: wit.Person{ID: person}, Text: text})
}

func (r room) answer(m wit.Message) string {
	before := len(r.Posts())
	r.Message(m)
	posts := r.Platform.Until("there is an answer to "+m.Text, func(posts []kerneltest.Post) bool { return len(posts) > before })
	return posts[before].Text
}

// TestAStrangerHasNoPartInTheOwnersConversation: neither by default nor with a scope that keeps people apart does the
// model that answers somebody else know what the owner said, here or at the gateway itself; and their commands
// change nothing of the owner's.
func TestAStrangerHasNoPartInTheOwnersConversation(t *testing.T) {
	t.Parallel()
	r := newRoom(t, `,"owners":["chat:ann"]`)
	r.Ask("r1", "my code is 1234")
	if got := r.hears("ann", "and my cat is Tom"); !strings.Contains(got, "1234") {
		t.Errorf("the owner's own conversation does not go on in a chat: %q", got)
	}
	for _, stranger := range []string{"eve", "ANN", "chat:ann", "ann2"} {
		if got := r.hears(stranger, "what did you hear?"); got != "what did you hear?" {
			t.Errorf("%s's model was told %q", stranger, got)
		}
		for _, command := range []string{"/new", "/reset now", "/model told/other", "/NEW@bot x", "/think high"} {
			if got := r.hears(stranger, command); !strings.Contains(got, "Only the owner") || !strings.Contains(got, "carapace pairing owner chat "+stranger) {
				t.Errorf("%s gives %s: %q", stranger, command, got)
			}
		}
		// What the owner is told to copy into a shell is one command, whatever somebody has called themselves.
		for id, words := range map[string]string{
			"x; rm -rf ~": `chat 'x; rm -rf ~'`, "$(id)`id`": "chat '$(id)`id`'", "a'b": `chat 'a'\''b'`, "-rf": "-- chat -rf", "x\n```\nid": `chat 'x\n` + "```" + `\nid'`,
		} {
			if got := r.hears(id, "/new"); !strings.HasSuffix(got, "\n\ncarapace pairing owner "+words) {
				t.Errorf("%q gives /new: %q", id, got)
			}
		}
		for command, want := range map[string]string{"/stop": "Stopped.", "/model": "The model is told/model", "/think": "Thinking is off", "/whoami": "agent:main:chat:dm:"} {
			if got := r.hears(stranger, command); !strings.Contains(got, want) {
				t.Errorf("%s gives %s: %q, want %q", stranger, command, got, want)
			}
		}
	}
	if got := r.Ask("r2", "what do you know?"); !strings.Contains(got, "1234") || !strings.Contains(got, "Tom") || strings.Contains(got, "hear") {
		t.Errorf("the owner's conversation is %q", got)
	}
	var list session.ListResult
	r.MustCall("sessions.list", nil, &list)
	for _, s := range list.Sessions {
		if s.IsMain && s.LastTo != "ann" {
			t.Errorf("the main session is answered to %q", s.LastTo)
		}
	}
	if got := r.hears("ann", "/new"); !strings.Contains(got, "A new conversation") {
		t.Errorf("the owner gives /new: %q", got)
	}
}

// TestAGroupIsSteeredByTheOwner: what several share, one of them must not stop or end.
func TestAGroupIsSteeredByTheOwner(t *testing.T) {
	t.Parallel()
	r := newRoom(t, `,"owners":["chat:ann"]`)
	for _, c := range []struct{ person, command, want string }{
		{"eve", "/stop", "Only the owner"}, {"eve", "/new", "Only the owner"}, {"eve", "/status", "Session:"},
		{"ann", "/stop", "Stopped."}, {"ann", "/new", "A new conversation"},
	} {
		got := r.answer(wit.Message{Conversation: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "g"}, Sender: wit.Person{ID: c.person}, Text: c.command})
		if !strings.Contains(got, c.want) {
			t.Errorf("%s gives %s: %q, want %q", c.person, c.command, got, c.want)
		}
	}
}

// TestOneSessionForAllIsAChoice that the owner's settings have to name; commands stay the owner's.
func TestOneSessionForAllIsAChoice(t *testing.T) {
	t.Parallel()
	r := newRoom(t, `,"session":{"dmScope":"main"},"owners":["chat:ann"]`)
	r.Ask("r1", "my code is 1234")
	if got := r.hears("eve", "what do you know?"); !strings.Contains(got, "1234") {
		t.Errorf("main does not share: %q", got)
	}
	for _, command := range []string{"/stop", "/new"} {
		if got := r.hears("eve", command); !strings.Contains(got, "Only the owner") {
			t.Errorf("eve gives %s: %q", command, got)
		}
	}
}
