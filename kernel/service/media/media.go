// Package media shows clients the files of the media store, takes theirs, and fetches files from the web.
//
// Over HTTP, GET /media/ID answers with a file, whole or in ranges, and with thumb=256 with a small picture of it; POST /media
// takes one. Who has the gateway's token may do both with every file, and who has a paired device's may as far as its scopes go, as
// with media.list and media.upload. Everybody else reads by links: an address with a signature for one file and some hours. Links
// are in what a client is entitled to read, such as the history of a conversation, so that it reads the files that its
// conversations hold, and those alone.
//
// What a file is, its content says, and no file runs as a page of the gateway's: only pictures, sounds, videos and plain text are
// shown in place, all others are downloads, and whatever could be a script or a style has no type at all.
//
// Fetches go through egress to public addresses only, by https. They are bounded in bytes and time, and so is what is decoded.
// A transfer that breaks off leaves nothing. Everything is safe for concurrent use.
package media

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/event"
	files "github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds that no setting changes.
const (
	// MaxUpload is the largest body that the route takes; the store's own bound is asked too.
	MaxUpload = 1 << 30
	// maxFetches and maxUploads run at once, and one picture is decoded at a time, which is what takes memory.
	maxFetches = 4
	maxUploads = 16
	// thumbTime is how long making a small picture may take, with waiting for others.
	thumbTime = 20 * time.Second
)

// Deps is what the service uses.
type Deps struct {
	Store   *files.Store
	Network *egress.Client
	Admit   endpoint.ScopedAdmission
	Links   *Links
	// Types are those that may be uploaded and fetched, such as image/png or image/*; all where there are none.
	Types func() []string
	Log   hclog.Logger
}

// Service serves files.
type Service struct {
	Deps
	log     hclog.Logger
	pace    pace
	fetches slots
	uploads slots
	decoder slots
}

// New returns the service; it starts nothing.
func New(d Deps) *Service {
	return &Service{Deps: d, log: d.Log.Named("media"), fetches: make(slots, maxFetches), uploads: make(slots, maxUploads), decoder: make(slots, 1)}
}

// Removed are files that are no longer kept.
type Removed struct {
	// Reason is expired, quota or deleted.
	Reason string `json:"reason"`
	// IDs are the files, and those that were made from them.
	IDs []string `json:"ids"`
	// Bytes is what they took.
	Bytes int64 `json:"bytes"`
}

// RemovedKind is published when files were removed.
var RemovedKind = event.Kind[Removed]{Name: "media.removed", Scope: wire.ScopeRead, DropIfSlow: true}

// Gone publishes what the store says of files that it has removed.
func Gone(bus *event.Bus) func(files.Gone) {
	return func(g files.Gone) { RemovedKind.Publish(bus, Removed{string(g.Reason), g.IDs, g.Bytes}) }
}

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{
		Name: "media", Methods: s.methods(), Events: []event.Row{RemovedKind.Row()}, Checks: []func(context.Context) service.Check{s.check}, Metrics: s.metrics(),
		Routes: []service.Route{
			{Pattern: "/media", Handler: s.handler(s.upload), MaxBody: MaxUpload, Streams: true},
			{Pattern: "/media/{id}", Handler: s.handler(s.serve)},
		},
	}
}

// check tells the doctor how full the store is.
func (s *Service) check(ctx context.Context) service.Check {
	used, err := s.Store.Used(ctx)
	if err != nil {
		return service.Check{Name: "media", Message: err.Error(), Hint: "see the check of the database"}
	}
	l := s.Store.Limits()
	return service.Check{Name: "media", OK: true, Message: fmt.Sprintf("%s, %d MB of at most %d MB, each kept for %s after its last use",
		service.Count(used.Files, "file"), used.Bytes>>20, l.MaxTotal>>20, service.Count(int64(l.TTL/(24*time.Hour)), "day"))}
}

// metrics are figures of the store. One that cannot be read has no sample.
func (s *Service) metrics() []service.Metric {
	gauge := func(name, help string, value func(files.Used) float64) service.Metric {
		return service.Metric{Name: name, Help: help, Collect: func() []service.Sample {
			used, err := s.Store.Used(context.Background())
			if err != nil {
				return nil
			}
			return []service.Sample{{Value: value(used)}}
		}}
	}
	return []service.Metric{
		gauge("carapace_media_files", "Files in the media store.", func(u files.Used) float64 { return float64(u.Files) }),
		gauge("carapace_media_bytes", "Bytes of the files in the media store.", func(u files.Used) float64 { return float64(u.Bytes) }),
	}
}

// incoming is a file that is to be kept.
type incoming struct {
	mime, name string
	body       io.Reader
	// most is how many bytes it may have, beside the store's bound; 0 is that alone.
	most int64
	// types are those that it may have, beside the settings'.
	types []string
}

// keep puts a file into the store once its type is known to be one that is taken. Errors: CodeInvalid for another one; the
// store's.
func (s *Service) keep(ctx context.Context, in incoming) (files.File, error) {
	if in.most > 0 {
		in.body = files.AtMost(in.body, in.most)
	}
	body := bufio.NewReader(in.body)
	head, err := body.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) && wit.CodeOf(err) != wit.CodeInternal {
		return files.File{}, err
	}
	kind := files.TypeOf(in.mime, head)
	if !matches(s.Types(), kind) || !matches(in.types, kind) {
		return files.File{}, wit.Errorf(wit.CodeInvalid, "a file of the type %.80s is not taken here", kind)
	}
	id, err := s.Store.Store(ctx, wit.MediaInfo{Mime: kind, Name: &in.name}, body)
	if err != nil {
		return files.File{}, err
	}
	return s.Store.File(ctx, id)
}

// Keep stores a file of somebody who comes without the gateway's token, of at most so many bytes, and says what it is. Errors: as of an upload.
func (s *Service) Keep(ctx context.Context, mime, name string, body io.Reader, most int64) (wit.Attachment, error) {
	done, err := s.uploads.take("uploads")
	if err != nil {
		return wit.Attachment{}, err
	}
	defer done()
	f, err := s.keep(ctx, incoming{mime: mime, name: name, body: body, most: most})
	if err != nil {
		return wit.Attachment{}, err
	}
	a := wit.Attachment{Kind: wit.AttachmentKindDocument, Media: &f.ID, Mime: &f.Mime, Size: &f.Size}
	switch files.Family(f.Mime) {
	case "image":
		a.Kind = wit.AttachmentKindImage
	case "audio":
		a.Kind = wit.AttachmentKindAudio
	case "video":
		a.Kind = wit.AttachmentKindVideo
	}
	if f.Name != "" {
		a.Name = &f.Name
	}
	return a, nil
}

// matches reports whether a type is one of a list, in which image/* is all pictures. An empty list has all.
func matches(list []string, kind string) bool {
	for _, t := range list {
		if t == kind || strings.HasSuffix(t, "/*") && files.Family(t) == files.Family(kind) {
			return true
		}
	}
	return len(list) == 0
}

// slots bound how much is done at once.
type slots chan struct{}

// take returns what gives the place back, or CodeRateLimited when none is free.
func (s slots) take(what string) (func(), error) {
	select {
	case s <- struct{}{}:
		return func() { <-s }, nil
	default:
		return nil, wit.ErrorAfter(wit.CodeRateLimited, time.Second, "%d %s are under way: try again when one is done", cap(s), what)
	}
}
