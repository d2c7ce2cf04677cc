package agent

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/plain"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// The newest files of a conversation are shown as often as the model is asked; it has seen the older ones.
const (
	maxPictures     = 8
	maxDocuments    = 4
	maxPictureBytes = 16 << 20 // of pictures and documents, all together
	maxLooked       = 16       // files that are looked into for text
	maxTextFile     = 64 << 10 // bytes of one file's text
	maxTextBytes    = 128 << 10
	// textShare is the part of the room for a conversation that the texts of files may take beside it: one in textShare, which
	// is less than what is reserved for the answer.
	textShare = 4
)

// display shows a model what of files it can be shown with one request, the newest ones and each once: of people's pictures, if
// it sees, texts, and documents where its provider shows them; of those that tools give pictures, where it does. All other files
// are named in words.
type display struct {
	files     Files
	sees      bool
	shows     []wit.Exhibit // beside people's pictures
	shown     map[string]bool
	pictures  int
	results   int // of the pictures, those that tools give
	documents int
	bytes     int64 // of both
	// mostPictures and mostDocuments are how many are shown of those that there are.
	mostPictures, mostDocuments int
	looked                      int
	room                        int // bytes for more texts
}

// newDisplay returns the display for a request with so many bytes of room for the conversation.
func newDisplay(files Files, sees bool, budget int) *display {
	return &display{files: files, sees: sees, shown: map[string]bool{}, room: min(maxTextBytes, budget/textShare)}
}

// show replaces what is not shown as a file in what the model reads. It reports whether there are any pictures or documents.
func (d *display) show(ctx context.Context, turns []wit.ChatTurn) (files bool) {
	d.count(ctx, turns)
	for i := len(turns) - 1; i >= 0; i-- {
		turns[i].Content = slices.Clone(turns[i].Content) // it may be the history's
		for j := len(turns[i].Content) - 1; j >= 0; j-- {
			if p := &turns[i].Content[j]; p.Media != nil {
				*p = d.part(ctx, *p, turns[i].Role == wit.RoleUser)
			}
		}
	}
	return d.pictures+d.documents > 0
}

// count says how many pictures and documents are shown, where there are more than may be. The older ones go several at a time, so that
// not each new one makes what the model reads another text from the oldest one on.
func (d *display) count(ctx context.Context, turns []wit.ChatTurn) {
	pictures, documents := map[string]bool{}, map[string]bool{}
	for i := range turns {
		for _, p := range turns[i].Content {
			if p.Media == nil {
				continue
			}
			info, err := d.files.Stat(ctx, *p.Media)
			switch d.shownAs(p, info, turns[i].Role == wit.RoleUser) {
			case asPicture:
				pictures[*p.Media] = err == nil
			case asDocument:
				documents[*p.Media] = err == nil
			}
		}
	}
	d.mostPictures, d.mostDocuments = steady(len(pictures), maxPictures), steady(len(documents), maxDocuments)
}

// steady is how many of n files are shown, at most most and more than half of that.
func steady(n, most int) int {
	step := most / 2
	return n - (max(n-most, 0)+step-1)/step*step
}

// shownAs is how a file may be shown.
type shownAs int

const (
	inWords shownAs = iota
	asPicture
	asDocument
)

func (d *display) shownAs(p wit.Part, info wit.MediaInfo, people bool) shownAs {
	switch {
	case p.Kind == wit.PartKindImage && (people || slices.Contains(d.shows, wit.ExhibitResults)):
		return asPicture
	case p.Kind == wit.PartKindFile && people && info.Mime == pdf && slices.Contains(d.shows, wit.ExhibitDocuments):
		return asDocument
	}
	return inWords
}

// part is what stands for a file. Of those that are not people's, only pictures may be shown.
func (d *display) part(ctx context.Context, p wit.Part, people bool) wit.Part {
	id := *p.Media
	info, err := d.files.Stat(ctx, id)
	name := describe(&p, info, err)
	if err != nil || d.shown[id] {
		return session.TextPart(name)
	}
	fits := d.bytes+info.Size <= maxPictureBytes
	as := d.shownAs(p, info, people)
	switch {
	case as == asPicture:
		if d.sees && d.pictures < d.mostPictures && fits {
			d.pictures++
			if !people {
				d.results++
			}
			return d.file(p, info)
		}
	case as == asDocument:
		if d.documents < d.mostDocuments && fits {
			d.documents++
			p.Mime = new(pdf)
			return d.file(p, info)
		}
	case p.Kind == wit.PartKindFile && people:
		if text := d.text(ctx, id, info.Size); text != "" {
			d.shown[id] = true
			return session.TextPart(name + "\n" + text)
		}
	}
	if p.Kind == wit.PartKindImage && (as != asPicture || !d.sees) || people && as == inWords && info.Mime == pdf {
		name = strings.TrimSuffix(name, "]") + unseen
	}
	return session.TextPart(name)
}

// unseen tells a model that it has not seen a picture or a document, so that it says so and does not make up what is in it.
const unseen = "; its content cannot be shown to you]"

// pdf is the type of a document.
const pdf = "application/pdf"

// file is a file that is shown.
func (d *display) file(p wit.Part, info wit.MediaInfo) wit.Part {
	d.shown[*p.Media] = true
	d.bytes += info.Size
	return p
}

// text is what a model is shown of a file of this size, "" of one that is no text. What it is called counts for nothing: many
// kinds of text have no type that everybody knows.
func (d *display) text(ctx context.Context, id string, size int64) string {
	n := min(maxTextFile, d.room)
	if d.looked == maxLooked || n <= 0 {
		return ""
	}
	d.looked++
	head, err := d.files.Head(ctx, id, n)
	if err != nil {
		return ""
	}
	if int64(len(head)) < size {
		head = plain.Whole(head)
	}
	if !isText(head) {
		return ""
	}
	d.room -= len(head)
	text := fenced(plain.Strip(string(bytes.TrimPrefix(head, []byte("\uFEFF")))))
	if left := size - int64(len(head)); left > 0 {
		text += "\n[cut: the other " + kilobytes(left) + " of this file are left out]"
	}
	return text
}

// isText reports whether the beginning of a file is text in UTF-8.
func isText(head []byte) bool {
	return len(head) > 0 && utf8.Valid(head) && bytes.IndexByte(head, 0) < 0 && strings.HasPrefix(http.DetectContentType(head), "text/")
}

// fenced puts a text between two fences that do not occur in it, so that nothing in it seems to stand behind it.
func fenced(text string) string {
	longest, run := 2, 0
	for i := range len(text) {
		if run++; text[i] != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	return fence + "\n" + strings.TrimSuffix(text, "\n") + "\n" + fence
}

// describe names a file in words.
func describe(p *wit.Part, info wit.MediaInfo, err error) string {
	text := "[attached: " + string(p.Kind)
	if p.Voice {
		text = "[attached: voice message"
	}
	if info.Name != nil {
		text += " " + message.Name(*info.Name)
	}
	if err != nil {
		return text + ", which is no longer kept]"
	}
	return text + ", " + message.Name(info.Mime) + ", " + kilobytes(info.Size) + message.Measures(p.Duration, p.Width, p.Height) + "]"
}
