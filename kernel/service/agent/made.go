package agent

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"slices"
	"strings"

	document "github.com/carapace-gateway/carapace/kernel/excerpt"
	"github.com/carapace-gateway/carapace/wit"
)

// maxWithFiles is how many bytes of a response are read that may have files in it, in base64 and often each of them twice.
const maxWithFiles = 256 << 20

// making keeps what a model makes beside words, for one answer.
type making struct {
	files Files // nil where only words are wanted
	parts []wit.Part
	came  int      // files in the response, also those that came again
	lacks []string // why some are left out, each once
}

// lifting is a response's body with ids in the place of its files, as the plan says. They are kept while they are read.
func (m *making) lifting(ctx context.Context, plan *wit.ProviderPlan, framing wit.Framing, body io.Reader) io.Reader {
	if len(plan.Files) == 0 || framing == wit.FramingPackets || framing == wit.FramingRaw {
		return body
	}
	return document.Lift(newBounded(body, maxWithFiles), plan.Files, func(text io.Reader) string { return m.lift(ctx, text) })
}

// lift keeps a file that comes in base64, or as a data: URL of it, and returns its id, or "" where it cannot be kept.
func (m *making) lift(ctx context.Context, text io.Reader) string {
	if m.files == nil {
		return ""
	}
	if m.came++; m.came > 2*wit.LimitProviderFiles {
		m.lack(errMade())
		return ""
	}
	encoded, err := withoutScheme(text)
	if err != nil {
		m.lack(err)
		return ""
	}
	info, err := m.files.Keep(ctx, base64.NewDecoder(base64.StdEncoding, encoded))
	if err != nil {
		m.lack(err)
		return ""
	}
	return info.Media
}

// withoutScheme is the data of a data: URL in base64 (RFC 2397), or the text itself. Another URL is none of the model's files: it is
// not fetched, since who answers would choose what the gateway asks for.
func withoutScheme(text io.Reader) (io.Reader, error) {
	const scheme, most = "data:", 256
	r := bufio.NewReaderSize(text, most)
	if head, _ := r.Peek(len(scheme)); string(head) != scheme {
		if head, _ := r.Peek(len("https://")); bytes.HasPrefix(head, []byte("http")) && bytes.Contains(head, []byte("://")) {
			return nil, wit.NewError(wit.CodeInvalid, "it is a link, which is not followed")
		}
		return r, nil
	}
	head, err := r.ReadSlice(',')
	if err != nil || !bytes.HasSuffix(head, []byte(";base64,")) {
		return nil, wit.NewError(wit.CodeInvalid, "it is a data: URL, and not in base64")
	}
	return r, nil
}

// add makes parts of files, each once. What is neither a picture nor a recording is left out, and so is what is too much.
func (m *making) add(ctx context.Context, files []wit.MadeFile) {
	if m.files == nil {
		return
	}
	for i := range files {
		f := &files[i]
		if f.Media != nil && *f.Media == "" {
			continue // lift knows why
		}
		info, err := m.kept(ctx, f)
		if err != nil {
			m.lack(err)
			continue
		}
		p := wit.Part{Media: &info.Media, Mime: &info.Mime}
		switch kind, _, _ := strings.Cut(info.Mime, "/"); kind {
		case "image":
			p.Kind = wit.PartKindImage
		case "audio":
			p.Kind = wit.PartKindAudio
		default:
			m.lack(wit.NewError(wit.CodeInvalid, "it is neither a picture nor a recording"))
			continue
		}
		switch {
		case slices.ContainsFunc(m.parts, func(o wit.Part) bool { return *o.Media == info.Media }):
		case len(m.parts) == wit.LimitProviderFiles:
			m.lack(errMade())
		default:
			m.parts = append(m.parts, p)
		}
	}
}

func (m *making) kept(ctx context.Context, f *wit.MadeFile) (wit.MediaInfo, error) {
	if f.Media != nil {
		return m.files.Stat(ctx, *f.Media)
	}
	return m.files.Keep(ctx, bytes.NewReader(f.Bytes))
}

func errMade() error {
	return wit.Errorf(wit.CodeTooLarge, "an answer may have %d", wit.LimitProviderFiles)
}

func (m *making) lack(err error) {
	if why := publicText(err); !slices.Contains(m.lacks, why) {
		m.lacks = append(m.lacks, why)
	}
}

// notes say what is left out, for whoever reads the answer.
func (m *making) notes() (text string) {
	for _, why := range m.lacks {
		text += "\n\n[A file that the model has made is left out: " + clipped(why) + "]"
	}
	return text
}
