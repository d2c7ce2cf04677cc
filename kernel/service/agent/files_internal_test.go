package agent

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// shelf is a store of files: their sizes by reference. A file is fetched from a URL that is its reference.
type shelf struct {
	mimes  map[string]string // image/png where there is none
	sizes  map[string]int64
	texts  map[string]string
	asked  []string
	looked []string
	broken int // fetches that fail at first
	never  bool
}

func (s *shelf) Fetch(ctx context.Context, at message.Account, a *wit.Attachment) (string, error) {
	if s.asked = append(s.asked, at.String()+" "+a.Fetch.URL); len(s.asked) > 100 {
		panic("it is asked for ever")
	}
	switch {
	case s.never:
		<-ctx.Done()
		return "", wit.NewError(wit.CodeTimeout, "too slow")
	case a.Fetch.URL == "gone":
		return "", wit.NewError(wit.CodeNotFound, "404")
	case s.broken > 0:
		s.broken--
		return "", wit.NewError(wit.CodeUnavailable, "502")
	}
	return a.Fetch.URL, nil
}

func (s *shelf) Stat(_ context.Context, id string) (wit.MediaInfo, error) {
	size, ok := s.sizes[id]
	if !ok {
		return wit.MediaInfo{}, wit.NewError(wit.CodeNotFound, "no such file")
	}
	return wit.MediaInfo{Media: id, Mime: cmp.Or(s.mimes[id], "image/png"), Size: size, Name: new(id + ".png")}, nil
}

// Keep implements Files: it keeps none.
func (s *shelf) Keep(context.Context, io.Reader) (wit.MediaInfo, error) {
	return wit.MediaInfo{}, errNoFiles()
}

// Head implements Files: a file's content is in texts, and others are bytes.
func (s *shelf) Head(_ context.Context, id string, n int) ([]byte, error) {
	s.looked = append(s.looked, id)
	if text, ok := s.texts[id]; ok {
		return []byte(text[:min(n, len(text))]), nil
	}
	return make([]byte, min(int64(n), s.sizes[id])), nil
}

// shown shows turns to a model that sees or not, with so much room.
func (s *shelf) shown(t *testing.T, turns []wit.ChatTurn, sees bool) (pictures bool) {
	return newDisplay(s, sees, 1<<20).show(t.Context(), turns)
}

func shelved(s *shelf) common { return common{files: s, log: hclog.NewNullLogger()} }

// words are parts as text, pictures by reference.
func words(parts []wit.Part) string {
	var list []string
	for _, p := range parts {
		switch {
		case p.Text != nil:
			list = append(list, *p.Text)
		case p.Media != nil:
			list = append(list, string(p.Kind)+"="+*p.Media)
		}
	}
	return strings.Join(list, "|")
}

func TestAttachmentsAreFetchedBeforeTheRun(t *testing.T) {
	attached := func(kind wit.AttachmentKind, url string) wit.Attachment {
		a := wit.Attachment{Kind: kind}
		if url != "" {
			a.Fetch = &wit.HTTPRequest{URL: url}
		}
		return a
	}
	r := run.Run{Origin: message.Origin{Channel: "chat", Account: "main"}, Attachments: []wit.Attachment{
		attached(wit.AttachmentKindImage, "a"), attached(wit.AttachmentKindVoice, "b"), attached(wit.AttachmentKindDocument, "gone"), attached(wit.AttachmentKindContact, ""),
		{Kind: wit.AttachmentKindVideo, Media: new("c"), Fetch: &wit.HTTPRequest{URL: "kept"}, Caption: new("look")},
	}}
	const all = "image=a|audio=b|[attached: document, which could not be fetched]|[attached: contact]|file=c|look"
	for name, c := range map[string]struct {
		shelf *shelf
		want  string
		asked int
	}{
		"at once":           {&shelf{}, all, 3},
		"at the third time": {&shelf{broken: 2}, all, 5},
		"never":             {&shelf{broken: 1000}, strings.NewReplacer("image=a", "[attached: image, which could not be fetched]", "audio=b", "[attached: voice, which could not be fetched]").Replace(all), 7},
		"too late":          {&shelf{never: true}, strings.NewReplacer("image=a", "[attached: image, which could not be fetched]", "audio=b", "[attached: voice, which could not be fetched]").Replace(all), 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				got := words(attachments(shelved(c.shelf).fetch(t.Context(), r)))
				if got != c.want || len(c.shelf.asked) != c.asked || time.Since(began) > fetchTimeout {
					t.Errorf("after %v and %q\n got  %s\n want %s", time.Since(began), c.shelf.asked, got, c.want)
				}
				if c.shelf.asked[0] != "chat/main a" || r.Attachments[0].Media != nil {
					t.Errorf("asked %q, and the run is %+v", c.shelf.asked, r.Attachments[0])
				}
			})
		})
	}
}

func TestPicturesAreShownToWhoSees(t *testing.T) {
	picture := func(id string) wit.Part { return wit.Part{Kind: wit.PartKindImage, Media: &id, Mime: new("image/png")} }
	s := &shelf{sizes: map[string]int64{"a": 10, "b": 2000, "huge": maxPictureBytes, "voice": 100, "mine": 10}}
	history := []session.Message{
		{Role: wit.RoleUser, Parts: []wit.Part{session.TextPart("one"), picture("huge"), picture("a")}},
		{Role: wit.RoleAssistant, Parts: []wit.Part{picture("mine")}},
		{Role: wit.RoleUser, Parts: []wit.Part{picture("gone"), picture("a"), picture("b"), {Kind: wit.PartKindAudio, Media: new("voice")}}},
	}
	for sees, want := range map[bool]string{
		true: "one|[attached: image huge.png, image/png, 16384 KB]|[attached: image a.png, image/png, 1 KB]/" +
			madeNote + "|image=mine|[attached: image, which is no longer kept]|image=a|image=b|[attached: audio voice.png, image/png, 1 KB]",
		false: "one|[attached: image huge.png, image/png, 16384 KB" + unseen + "|[attached: image a.png, image/png, 1 KB" + unseen + "/" +
			madeNote + "|[attached: image mine.png, image/png, 1 KB" + unseen + "|[attached: image, which is no longer kept]|[attached: image a.png, image/png, 1 KB" + unseen + "|[attached: image b.png, image/png, 2 KB" + unseen + "|[attached: audio voice.png, image/png, 1 KB]",
	} {
		list := turns(history, choice{})
		if any := s.shown(t, list, sees); any != sees {
			t.Errorf("sees %t, pictures %t", sees, any)
		}
		if got := words(list[0].Content) + "/" + words(list[2].Content); got != want || words(list[1].Content) != "[image]" {
			t.Errorf("sees %t\n got  %s\n want %s", sees, got, want)
		}
	}
	if got := words(history[2].Parts); !strings.HasSuffix(got, "audio=voice") {
		t.Errorf("the history has become %s", got)
	}
}

func TestNotMorePicturesAreShownThanFit(t *testing.T) {
	s := &shelf{sizes: map[string]int64{}}
	var history []session.Message
	for i := range 2 * maxPictures {
		id := fmt.Sprint("p", i)
		s.sizes[id] = 1
		history = append(history, session.Message{Role: wit.RoleUser, Parts: []wit.Part{{Kind: wit.PartKindImage, Media: &id}}})
	}
	list := turns(history, choice{})
	s.shown(t, list, true)
	for i, turn := range list {
		if shown := turn.Content[0].Media != nil; shown != (i >= maxPictures) {
			t.Errorf("picture %d is shown: %t", i, shown)
		}
	}
}

// TestPicturesFitToTheByte: those that are as large as what may be shown in all are, one byte more is not.
func TestPicturesFitToTheByte(t *testing.T) {
	for extra, want := range map[int64]string{0: "image=old|image=new", 1: "[attached: image old.png, image/png, 1 KB]|image=new"} {
		s := &shelf{sizes: map[string]int64{"old": 10 + extra, "new": maxPictureBytes - 10}}
		list := turns([]session.Message{{Role: wit.RoleUser, Parts: []wit.Part{{Kind: wit.PartKindImage, Media: new("old")}, {Kind: wit.PartKindImage, Media: new("new")}}}}, choice{})
		if s.shown(t, list, true); words(list[0].Content) != want {
			t.Errorf("%d bytes more: %s", extra, words(list[0].Content))
		}
	}
}

// TestNotMoreIsProducedThanAMessageHas: the first sixteen files, whether of one call or of several.
func TestNotMoreIsProducedThanAMessageHas(t *testing.T) {
	var mine []session.Message
	for i := range maxAttachments + 2 {
		mine = append(mine, session.Message{Role: wit.RoleTool, Parts: []wit.Part{{Kind: wit.PartKindFile, Media: new(fmt.Sprint(i))}}})
	}
	got := produced(mine)
	if len(got) != maxAttachments || *got[maxAttachments-1].Media != fmt.Sprint(maxAttachments-1) {
		t.Errorf("%d files", len(got))
	}
}

func TestWhatToolsAndTheModelMakeIsProduced(t *testing.T) {
	file := func(kind wit.PartKind, id string) wit.Part { return wit.Part{Kind: kind, Media: &id} }
	got := produced([]session.Message{
		{Role: wit.RoleUser, Parts: []wit.Part{file(wit.PartKindImage, "theirs")}},
		{Role: wit.RoleTool, Parts: []wit.Part{session.TextPart("done"), file(wit.PartKindImage, "a"), file(wit.PartKindAudio, "b")}},
		{Role: wit.RoleTool, Parts: []wit.Part{file(wit.PartKindImage, "a"), file(wit.PartKindFile, "c")}},
		{Role: wit.RoleAssistant, Parts: []wit.Part{session.TextPart("here"), file(wit.PartKindImage, "d")}},
	})
	said := ""
	for _, a := range got {
		said += string(a.Kind) + "=" + *a.Media + " "
	}
	if said != "image=a audio=b document=c image=d " {
		t.Errorf("produced %s", said)
	}
}

func TestWhenPicturesAreGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		err           *wit.Error
		shown, last   bool
		want, refused bool
	}{
		"refused":                {wit.NewError(wit.CodeInvalid, "no images"), true, false, true, true},
		"no such model for them": {wit.NewError(wit.CodeNotFound, "no endpoint"), true, false, true, true},
		"too much":               {wit.NewError(wit.CodeTooLarge, "413"), true, false, true, true},
		"it may pass":            {wit.NewError(wit.CodeUnavailable, "500"), true, false, false, false},
		"it does not pass":       {wit.NewError(wit.CodeUnavailable, "500"), true, true, true, false},
		"without pictures":       {wit.NewError(wit.CodeInvalid, "no"), false, true, false, false},
		"who asks is not known":  {wit.NewError(wit.CodeUnauthorized, "401"), true, true, false, false},
		"it is asked too much":   {wit.NewError(wit.CodeRateLimited, "429"), true, true, false, false},
	} {
		p := pictured{shown: c.shown}
		if got := p.giveUp(c.err, c.last); got != c.want || p.refused != c.refused || got && p.giveUp(c.err, true) {
			t.Errorf("%s: %t, %+v", name, got, p)
		}
	}
}
