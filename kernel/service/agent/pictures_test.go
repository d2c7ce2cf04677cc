package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// pictures counts those that the model is shown with a request.
func pictures(c *wit.Chat) (n int) {
	for _, turn := range c.Turns {
		for _, p := range turn.Content {
			if p.Kind == wit.PartKindImage {
				n++
			}
		}
	}
	return n
}

// TestAModelThatRefusesPictures is asked again without them. One that says that it cannot take them is shown no more; of
// one that fails otherwise, as often as it is asked, nothing is known.
func TestAModelThatRefusesPictures(t *testing.T) {
	blind := &wit.ProviderAnswer{Error: wit.NewError(wit.CodeInvalid, "no images")}
	down := &wit.ProviderAnswer{Error: &wit.Error{Code: wit.CodeUnavailable, Message: "500", Retryable: true}}
	broke := &wit.ProviderAnswer{Deltas: chattest.Say("I see").Deltas, Error: wit.NewError(wit.CodeInvalid, "no images")}
	for name, c := range map[string]struct {
		answers []*wit.ProviderAnswer // before those that are right
		state   run.State
		shown   string // the pictures with each request
	}{
		"it sees":                {nil, run.Done, "1 2"},
		"it refuses":             {[]*wit.ProviderAnswer{blind}, run.Done, "1 0 0"},
		"it fails for a while":   {[]*wit.ProviderAnswer{down, down}, run.Done, "1 1 1 2"},
		"it fails":               {[]*wit.ProviderAnswer{down, down, down, down}, run.Done, "1 1 1 1 0 2"},
		"it refuses and fails":   {[]*wit.ProviderAnswer{blind, {Error: wit.NewError(wit.CodeForbidden, "no money")}}, run.Failed, "1 0 2"},
		"it refuses all":         {[]*wit.ProviderAnswer{blind, blind}, run.Failed, "1 0 2"},
		"it has said something":  {[]*wit.ProviderAnswer{broke}, run.Failed, "1 2"},
		"it fails without money": {[]*wit.ProviderAnswer{{Error: wit.NewError(wit.CodeForbidden, "no money")}}, run.Failed, "1 2"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			var shown []string
			w.Model.Set(func(asked *wit.Chat) *wit.ProviderAnswer {
				shown = append(shown, fmt.Sprint(pictures(asked)))
				return append(c.answers, chattest.Say("a cat"))[min(len(shown)-1, len(c.answers))]
			})
			p := w.Start(nil)
			for i, state := range []run.State{c.state, run.Done} {
				m := chattest.Inbound(fmt.Sprint("m", i), "what is it?")
				m.Message.Attachments = []wit.Attachment{{Kind: wit.AttachmentKindImage, Media: new(fmt.Sprint("media-", i))}}
				accept(t, p, m)
				if r := w.Only(p); r.State != state {
					t.Errorf("%s: run %d is %s, %+v", name, i, r.State, r.Error)
				}
			}
			if got := strings.Join(shown, " "); got != c.shown {
				t.Errorf("%s: shown %s, want %s", name, got, c.shown)
			}
		})
	}
}
