package media

import (
	"context"
	"encoding/base64"
	"strings"

	files "github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// methods lists the rows of the method table.
func (s *Service) methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("media.list", wire.ScopeRead, s.list).Doc("Lists the files that are kept, those used last first."),
		rpc.New("media.info", wire.ScopeRead, s.info).Fails(wire.NotFound).Doc("Describes a file."),
		rpc.New("media.upload", wire.ScopeWrite, s.uploadInline).Fails(wire.TooLarge).
			Doc("Keeps a file that fits into a frame. POST /media takes larger ones."),
		rpc.New("media.fetch", wire.ScopeAdmin, s.fetchMethod).Audited().Fails(wire.NotFound, wire.TooLarge, wire.AgentTimeout).
			Doc("Fetches a file from the web, by https and from public addresses only, and keeps it."),
		rpc.New("media.delete", wire.ScopeAdmin, s.delete).Audited().Fails(wire.NotFound).Emits("media.removed").
			Doc("Removes a file, and what was made from it."),
	}
}

// File is a file as clients read of it.
type File struct {
	ID   string `json:"id"`
	Mime string `json:"mime"`
	Name string `json:"name,omitempty"`
	// Size is in bytes.
	Size int64 `json:"size"`
	// UsedAt is when it was used last, up to an hour earlier, and ExpiresAt when it goes if nobody uses it until then, in Unix
	// milliseconds.
	UsedAt    int64 `json:"usedAt"`
	ExpiresAt int64 `json:"expiresAt"`
	// URL is where the file can be loaded on the gateway without a token, for six hours at least.
	URL string `json:"url"`
}

func (s *Service) shown(f files.File) File {
	return File{f.ID, f.Mime, f.Name, f.Size, f.Used.UnixMilli(), f.Expires.UnixMilli(), s.Links.URL(f.ID)}
}

// ListParams ask for a page of the files.
type ListParams struct {
	// Limit is 100 when left out.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=1000"`
	// Cursor is an earlier page's nextCursor.
	Cursor string `json:"cursor,omitempty" rpc:"min=1,max=100"`
}

// ListResult is a page of the files.
type ListResult struct {
	Files []File `json:"files"`
	// NextCursor asks for those that follow; there are none where it is left out.
	NextCursor string `json:"nextCursor,omitempty"`
	Share
}

// Share is what all files take, those too that were made from others, and may take.
type Share struct {
	Count    int   `json:"count"`
	Bytes    int64 `json:"bytes"`
	MaxBytes int64 `json:"maxBytes"`
	// MaxFileBytes is how large one may be, TTLMs how long it is kept after its last use, in milliseconds.
	MaxFileBytes int64 `json:"maxFileBytes"`
	TTLMs        int64 `json:"ttlMs"`
}

// Share says what the files take. Errors: the store's.
func (s *Service) Share(ctx context.Context) (Share, error) {
	used, err := s.Store.Used(ctx)
	l := s.Store.Limits()
	return Share{used.Files, used.Bytes, l.MaxTotal, l.MaxFile, l.TTL.Milliseconds()}, err
}

func (s *Service) list(ctx context.Context, p ListParams) (ListResult, error) {
	if p.Limit == 0 {
		p.Limit = 100
	}
	res := ListResult{Files: []File{}}
	list, next, err := s.Store.List(ctx, p.Cursor, p.Limit)
	if err != nil {
		return res, err
	}
	for _, f := range list {
		res.Files = append(res.Files, s.shown(f))
	}
	res.NextCursor = next
	res.Share, err = s.Share(ctx)
	return res, err
}

// IDParams names a file.
type IDParams struct {
	ID string `json:"id" rpc:"required,len=64"`
}

func (s *Service) info(ctx context.Context, p IDParams) (File, error) {
	f, err := s.Store.File(ctx, p.ID)
	return s.shown(f), err
}

// UploadParams are a file.
type UploadParams struct {
	// Content is base64.
	Content  string `json:"content" rpc:"required,min=1"`
	FileName string `json:"fileName,omitempty" rpc:"min=1,max=255"`
	// MimeType is believed as far as the content does not contradict it.
	MimeType string `json:"mimeType,omitempty" rpc:"min=1,max=255"`
}

func (s *Service) uploadInline(ctx context.Context, p UploadParams) (File, error) {
	done, err := s.begin(asker(ctx), s.uploads, "uploads")
	if err != nil {
		return File{}, err
	}
	defer done()
	if base64.StdEncoding.DecodedLen(len(p.Content)) > wire.MaxAttachment+3 {
		return File{}, wit.Errorf(wit.CodeTooLarge, "a file in a frame may have %d bytes: send larger ones to POST /media", wire.MaxAttachment)
	}
	// It is decoded as it is stored; a mistake in it leaves nothing.
	f, err := s.keep(ctx, incoming{mime: p.MimeType, name: p.FileName, body: base64.NewDecoder(base64.StdEncoding.Strict(), strings.NewReader(p.Content))})
	if _, bad := base64.StdEncoding.Strict().DecodeString(p.Content); err != nil && bad != nil {
		return File{}, wit.NewError(wit.CodeInvalid, "content is not base64")
	}
	return s.shown(f), err
}

// DeleteResult says that it is done.
type DeleteResult struct {
	OK bool `json:"ok"`
}

func (s *Service) delete(ctx context.Context, p IDParams) (DeleteResult, error) {
	err := s.Store.Delete(ctx, p.ID)
	return DeleteResult{err == nil}, err
}

// FetchParams is a file on the web.
type FetchParams struct {
	URL string `json:"url" rpc:"required,min=1,max=2048"`
	// Name is what it is to be called; else it is called as the server or the URL says.
	Name string `json:"name,omitempty" rpc:"min=1,max=255"`
	// MaxBytes is how many bytes it may have, if that is less than the gateway takes.
	MaxBytes int64 `json:"maxBytes,omitempty" rpc:"min=1"`
	// TimeoutMs is how long it may take, 30,000 when left out.
	TimeoutMs int64 `json:"timeoutMs,omitempty" rpc:"min=1,max=300000"`
	// Types are those that it may have, such as image/png or image/*; all that the gateway takes where there are none.
	Types []string `json:"types,omitempty" rpc:"max=100"`
}

func (s *Service) fetchMethod(ctx context.Context, p FetchParams) (File, error) {
	for _, t := range p.Types {
		if first, second, ok := strings.Cut(t, "/"); !ok || first == "" || second == "" {
			return File{}, wit.Errorf(wit.CodeInvalid, "invalid media.fetch params: at /types: %.80q is no type such as image/png or image/*", t)
		}
	}
	f, err := s.fetch(ctx, p)
	return s.shown(f), err
}
