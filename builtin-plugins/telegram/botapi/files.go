package botapi

import (
	"net/http"
	"strings"
)

const (
	maxUpload   = 50 << 20
	maxPhoto    = 10 << 20
	maxDownload = 20 << 20
)

// sendFile answers sendPhoto and its sisters: the file is an upload, the file_id of one that was sent
// before, or a URL, which is not fetched but remembered as the file's name.
func sendFile(kind string) handler {
	return func(s *Server, _ *http.Request, p params) (any, error) {
		caption, entities, err := formatted(p, "caption", "caption_entities", maxCaption)
		if err != nil {
			return nil, err
		}
		return s.send("send"+strings.ToUpper(kind[:1])+kind[1:], p, func(m *Message) error {
			f, err := s.attached(kind, p)
			if err != nil {
				return err
			}
			m.Caption, m.CaptionEntities = caption, entities
			m.attach(kind, f)
			return nil
		})
	}
}

func (s *Server) attached(kind string, p params) (File, error) {
	if up, ok := p.files[kind]; ok {
		return s.uploaded(kind, up)
	}
	value := p.text(kind)
	if name, ok := strings.CutPrefix(value, "attach://"); ok {
		if up, ok := p.files[name]; ok {
			return s.uploaded(kind, up)
		}
	}
	if known, ok := s.world.files[value]; ok {
		f := known.File
		f.FilePath = ""
		return f, nil
	}
	if strings.HasPrefix(value, "http://") || strings.HasPrefix(value, "https://") {
		return s.world.addFile(File{FileName: value[strings.LastIndexByte(value, '/')+1:]}, nil), nil
	}
	if value == "" {
		return File{}, badRequest("there is no " + kind + " in the request")
	}
	return File{}, badRequest("wrong remote file identifier specified: Wrong string length")
}

func (s *Server) uploaded(kind string, up upload) (File, error) {
	limit := maxUpload
	if kind == "photo" {
		limit = maxPhoto
	}
	if len(up.data) > limit {
		return File{}, &apiError{Code: 413, Description: "Request Entity Too Large"}
	}
	if len(up.data) == 0 {
		return File{}, badRequest("file must be non-empty")
	}
	return s.world.addFile(File{FileName: up.name, MimeType: up.mime}, up.data), nil
}

func (m *Message) attach(kind string, f File) {
	switch kind {
	case "photo":
		f.FileName, f.MimeType, f.Width, f.Height = "", "", 90, 90
		m.Photo = []File{f}
	case "document":
		m.Document = &f
	case "audio":
		m.Audio = &f
	case "voice":
		f.FileName = ""
		m.Voice = &f
	case "video":
		m.Video = &f
	case "animation":
		m.Animation, m.Document = &f, &f
	}
}

func getFile(s *Server, _ *http.Request, p params) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !p.has("file_id") {
		return nil, badRequest("file_id not specified")
	}
	f, known := s.world.files[p.text("file_id")]
	switch {
	case !known:
		return nil, badRequest("wrong file_id or the file is temporarily unavailable")
	case f.FileSize > maxDownload:
		return nil, badRequest("file is too big")
	}
	return File{FileID: f.FileID, FileUniqueID: f.FileUniqueID, FileSize: f.FileSize, FilePath: f.FilePath}, nil
}

func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, path string) {
	if fault := s.nextFault("file"); fault != nil {
		fault.play(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.world.files {
		if f.FilePath == path {
			w.Header().Set("Content-Type", "application/octet-stream")
			_, _ = w.Write(f.data)
			return
		}
	}
	writeError(w, &apiError{Code: 404, Description: "Not Found"})
}
