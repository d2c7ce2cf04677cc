package agent

import (
	"context"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// Files are what people attach and tools make.
type Files interface {
	// Fetch makes the request that an attachment names, or has the channel that it came through get the file by its locator, under
	// that channel's permission, and returns the file's reference. Errors are coded.
	Fetch(ctx context.Context, at message.Account, a *wit.Attachment) (media string, err error)
	// Stat describes a file, or returns CodeNotFound.
	Stat(ctx context.Context, media string) (wit.MediaInfo, error)
	// Keep keeps a file of which nothing is known, of at most wit.LimitProviderFileBytes. Errors: CodeTooLarge, CodeInvalid for
	// nothing at all, CodeUnavailable.
	Keep(ctx context.Context, body io.Reader) (wit.MediaInfo, error)
	// Head returns the first bytes of a file, at most n. Errors: CodeNotFound, CodeUnavailable.
	Head(ctx context.Context, media string, n int) ([]byte, error)
}

// noFiles is a gateway that keeps none.
type noFiles struct{}

func (noFiles) Fetch(context.Context, message.Account, *wit.Attachment) (string, error) {
	return "", errNoFiles()
}
func (noFiles) Stat(context.Context, string) (wit.MediaInfo, error) {
	return wit.MediaInfo{}, errNoFiles()
}
func (noFiles) Keep(context.Context, io.Reader) (wit.MediaInfo, error) {
	return wit.MediaInfo{}, errNoFiles()
}
func (noFiles) Head(context.Context, string, int) ([]byte, error) { return nil, errNoFiles() }

func errNoFiles() error { return wit.NewError(wit.CodeNotFound, "this gateway keeps no files") }

const (
	maxAttachments = 16 // of a message
	fetchTries     = 3  // of one file
	// fetchTimeout is how long a message's files may take all together: an answer without them is better than none.
	fetchTimeout = 3 * time.Minute
)

// fetch gets the files that are still where the platform keeps them. What cannot be had stays without a reference.
// They are fetched before the run begins, with which they are recorded: one that is interrupted here fetches again.
func (c common) fetch(ctx context.Context, r run.Run) []wit.Attachment {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	list := slices.Clone(r.Attachments)
	at := r.Origin.At()
	for i := range list {
		a := &list[i]
		if a.Fetch == nil && a.Locator == nil || a.Media != nil && *a.Media != "" {
			continue
		}
		var media string
		err := again(ctx, fetchTries, func() (err error) {
			media, err = c.files.Fetch(ctx, at, a)
			return err
		})
		if err != nil {
			c.log.Warn("attachment not fetched", "run", r.ID, "channel", at.Channel, "kind", a.Kind, "error", err)
			continue
		}
		a.Media = &media
	}
	return list
}

// again calls fn until it succeeds, fails for good, or was called so often. It waits as long as is asked for, within bounds.
func again(ctx context.Context, tries int, fn func() error) error {
	backoff := retry.Backoff{Min: time.Second, Max: 10 * time.Second}
	for try := 1; ; try++ {
		err := fn()
		if err == nil || try == tries {
			return err
		}
		e := wit.AsError(err)
		if wait := max(backoff.Delay(try), retry.Asked(e.RetryAfter, maxRetryDelay)); !e.Retryable || !retry.Sleep(ctx, wait) {
			return err
		}
	}
}

// attachments are the parts that stand for attachments. What is not in the store, or no file, is named in words.
func attachments(list []wit.Attachment) []wit.Part {
	var out []wit.Part
	for _, a := range list[:min(len(list), maxAttachments)] {
		p := wit.Part{Media: a.Media, Mime: a.Mime, Duration: a.Duration, Width: a.Width, Height: a.Height, Voice: a.Kind == wit.AttachmentKindVoice}
		switch a.Kind {
		case wit.AttachmentKindImage:
			p.Kind = wit.PartKindImage
		case wit.AttachmentKindAudio, wit.AttachmentKindVoice:
			p.Kind = wit.PartKindAudio
		default:
			p.Kind = wit.PartKindFile
		}
		if a.Media == nil || *a.Media == "" {
			p = session.TextPart("[attached: " + what(&a) + "]")
		}
		out = append(out, p)
		if a.Caption != nil && *a.Caption != "" {
			out = append(out, session.TextPart(message.Clip(*a.Caption, maxText)))
		}
	}
	return out
}

// what is what an attachment is that is not in the store: no file, one that could not be fetched, or one that the channel
// left out, because it is too large say.
func what(a *wit.Attachment) string {
	text := message.Called(a)
	if a.Kind == wit.AttachmentKindLocation || a.Kind == wit.AttachmentKindContact {
		return text
	}
	if a.Size != nil && *a.Size > 0 {
		text += ", " + kilobytes(*a.Size)
	}
	text += message.Measures(a.Duration, a.Width, a.Height)
	if a.Fetch != nil || a.Locator != nil {
		return text + ", which could not be fetched"
	}
	return text + ", which was left out"
}

// kilobytes writes a size for people and models.
func kilobytes(size int64) string { return strconv.FormatInt((size+1023)/1024, 10) + " KB" }

// produced are the files that the model and its tools have made in a run, for whoever waits for its answer.
func produced(mine []session.Message) []wit.Attachment {
	var list []wit.Attachment
	for _, m := range mine {
		for _, p := range m.Parts {
			if m.Role == wit.RoleUser || p.Media == nil || len(list) == maxAttachments ||
				slices.ContainsFunc(list, func(a wit.Attachment) bool { return *a.Media == *p.Media }) {
				continue
			}
			a := wit.Attachment{Kind: wit.AttachmentKindDocument, Media: p.Media, Mime: p.Mime}
			switch p.Kind {
			case wit.PartKindImage:
				a.Kind = wit.AttachmentKindImage
			case wit.PartKindAudio:
				a.Kind = wit.AttachmentKindAudio
			}
			list = append(list, a)
		}
	}
	return list
}
