package agent_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// makes is an answer with files, of these contents, and words.
func makes(words string, contents ...string) *wit.ProviderAnswer {
	a := chattest.Say()
	if words != "" {
		a = chattest.Say(words)
	}
	for _, c := range contents {
		a.Files = append(a.Files, wit.MadeFile{Bytes: []byte(c)})
	}
	return a
}

// kinds are the parts of a message or turn: texts as they are, files by their kind and id.
func kinds(parts []wit.Part) string {
	var out []string
	for _, p := range parts {
		if p.Media != nil {
			out = append(out, string(p.Kind)+"="+*p.Media)
		} else {
			out = append(out, *p.Text)
		}
	}
	return strings.Join(out, "|")
}

// TestWhatAModelMakes is a part of its answer, in the history and to whoever waits for it, and the model sees it with what the user
// says next.
func TestWhatAModelMakes(t *testing.T) {
	const no = "[A file that the model has made is left out: "
	var many []string
	for n := range wit.LimitProviderFiles + 2 {
		many = append(many, fmt.Sprint(n))
	}
	var eight []string
	for n := range wit.LimitProviderFiles {
		eight = append(eight, fmt.Sprint("media-", n))
	}
	for name, c := range map[string]struct {
		answer  *wit.ProviderAnswer
		history string // the answer in it
		sent    string // files
		said    string
		next    string // what the model reads with the next question, of the answer and of the user
	}{
		"with words":  {makes("here", "cat", "dog", "cat"), "here|image=media-cat|image=media-dog", "media-cat media-dog", "here", "here // [what you have made above:]|image=media-cat|image=media-dog|and now?"},
		"alone":       {makes("", "cat"), "image=media-cat", "media-cat", "", "[image] // [what you have made above:]|image=media-cat|and now?"},
		"no picture":  {makes("here", "<html>"), "here\n\n" + no + "it is neither a picture nor a recording]", "", "here\n\n" + no + "it is neither a picture nor a recording]", "here\n\n" + no + "it is neither a picture nor a recording] // and now?"},
		"none at all": {&wit.ProviderAnswer{Deltas: chattest.Say("here").Deltas, Stop: new(wit.StopReasonEnd), Files: []wit.MadeFile{{Media: new("gone")}}}, "here\n\n" + no + "there is no file gone]", "", "here\n\n" + no + "there is no file gone]", "here\n\n" + no + "there is no file gone] // and now?"},
		"too many":    {makes("", many...), no + "an answer may have 8]|image=" + strings.Join(eight, "|image="), strings.Join(eight, " "), no + "an answer may have 8]", no + "an answer may have 8] // [what you have made above:]|image=" + strings.Join(eight, "|image=") + "|and now?"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := chattest.NewWorld(t)
				chattest.Script(w, c.answer, chattest.Say("bye"))
				p := w.Start(nil)
				accept(t, p, chattest.Inbound("1", "draw"))
				r := w.Only(p)
				if r.State != run.Done || r.Answer != c.said {
					t.Fatalf("the run is %s with %q, %v", r.State, r.Answer, r.Error)
				}
				if got := kinds(w.Messages(r.Session)[1].Parts); got != c.history {
					t.Errorf("the history has %s", got)
				}
				if got := w.SentFiles()[r.ID]; got != c.sent || w.Sent()[r.ID] != c.said {
					t.Errorf("sent %q with %q", w.Sent()[r.ID], got)
				}
				shown := ""
				if ends := w.Chats(r.ID, "final"); len(ends) == 1 {
					for _, part := range ends[0].Message.Content {
						if part.Media != "" {
							shown += part.Media + " "
						}
					}
				}
				if strings.TrimSpace(shown) != c.sent {
					t.Errorf("clients see %q", shown)
				}
				accept(t, p, chattest.Inbound("2", "and now?"))
				w.Only(p)
				turns := w.Model.Requests()[1].Turns
				if got := kinds(turns[1].Content) + " // " + kinds(turns[2].Content); got != c.next {
					t.Errorf("the model reads %s", got)
				}
			})
		})
	}
}

// TestFilesInAResponse: those in the fields that the plan names are kept while they come, however long they are, and the provider gets
// their ids.
func TestFilesInAResponse(t *testing.T) {
	event := func(file string) string { return `data: {"files":[{"media":"` + file + `"}]}` + "\n\n" }
	const end = `data: {"deltas":[{"text":"here"}],"stop":"end"}` + "\n\n"
	long := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 12<<20)))
	is := "here|image=media-" + strings.Repeat("x", 40)
	for name, c := range map[string]struct{ body, want string }{
		"long":       {event(long) + end, is},
		"twice":      {event(long) + event(long) + end, is},
		"not base64": {event("a cat") + end, "here\n\n[A file that the model has made is left out: the file was not read to its end: illegal base64 data at input byte 1]"},
		"data URL":   {event("data:image/png;base64,"+long) + end, is},
		"plain data": {event("data:,cat") + end, "here\n\n[A file that the model has made is left out: it is a data: URL, and not in base64]"},
		"odd data":   {event("data:"+strings.Repeat("a", 1000)) + end, "here\n\n[A file that the model has made is left out: it is a data: URL, and not in base64]"},
		"link":       {event("https://192.0.2.7/cat.png") + end, "here\n\n[A file that the model has made is left out: it is a link, which is not followed]"},
		"too many":   {strings.Repeat(event("eHg="), 2*wit.LimitProviderFiles+1) + end, "here\n\n[A file that the model has made is left out: an answer may have 8]|image=media-xx"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := chattest.NewWorld(t)
				w.Model.Frame, w.Model.Files = wit.FramingSSE, []string{"files.media"}
				w.Model.Res = func(*wit.Chat) (*egress.Response, error) {
					return &egress.Response{Status: 200, Body: io.NopCloser(strings.NewReader(c.body))}, nil
				}
				p := w.Start(nil)
				p.Send("r1", "draw")
				if r := p.Wait("r1"); r.State != run.Done {
					t.Fatalf("the run is %s, %v", r.State, r.Error)
				}
				if got := kinds(w.Messages(chattest.MainKey)[1].Parts); got != c.want {
					t.Errorf("the history has %.300s", got)
				}
			})
		})
	}
}

// TestWhatWasMadeBeforeTools is delivered with the answer.
func TestWhatWasMadeBeforeTools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		asks := chattest.Ask(chattest.Call("c", "look", `{}`))
		asks.Files = []wit.MadeFile{{Bytes: []byte("cat")}}
		chattest.Script(w, asks, makes("here", "dog"))
		p := w.Start(nil)
		accept(t, p, chattest.Inbound("1", "draw"))
		r := w.Only(p)
		if got := w.SentFiles()[r.ID]; got != "media-cat media-dog" || r.Answer != "here" {
			t.Errorf("sent %q with %q: %v", r.Answer, got, r.Error)
		}
	})
}
