package botapitest

import (
	"net/http"
	"strings"
)

// Limits in bytes ("Sending files", getFile).
const (
	maxUpload   = 50 << 20
	maxPhoto    = 10 << 20
	maxDownload = 20 << 20
)

// files are what was uploaded, to the bot or by it. Chats has the lock.
type files struct {
	byID  map[string]stored
	count int64
}

// stored is a file as getFile shows it, with its data.
type stored struct {
	File
	data []byte
}

// add keeps data and returns the file that stands for it.
func (f *files) add(file File, data []byte) File {
	f.count++
	file.FileID = "AgACAgQAAx" + itoa(f.count)
	file.FileUniqueID = "AQAD" + itoa(f.count)
	file.FileSize = int64(len(data))
	path := "documents/file_" + itoa(f.count)
	if dot := strings.LastIndexByte(file.FileName, '.'); dot >= 0 {
		path += file.FileName[dot:]
	}
	f.byID[file.FileID] = stored{File{FileID: file.FileID, FileUniqueID: file.FileUniqueID, FileSize: file.FileSize, FilePath: path, MimeType: file.MimeType}, data}
	return file
}

// at returns the data of the file with a path, as getFile tells it.
func (f *files) at(path string) (data []byte, known bool) {
	for _, file := range f.byID {
		if file.FilePath == path {
			return file.data, true
		}
	}
	return nil, false
}

// sendFile answers sendPhoto and its sisters: the file is an upload, the file_id of one that was sent
// before, or a URL, which is not fetched but remembered as the file's name.
func sendFile(kind string) handler {
	return func(s *Server, _ *http.Request, p params) (any, error) {
		caption, entities, err := formatted(p, "caption", "caption_entities", maxCaption)
		if err != nil {
			return nil, err
		}
		return s.Chats.send("send"+strings.ToUpper(kind[:1])+kind[1:], p, func(m *Message) error {
			f, err := s.Chats.files.attached(kind, p)
			if err != nil {
				return err
			}
			m.Caption, m.CaptionEntities = caption, entities
			m.attach(kind, f)
			return nil
		})
	}
}

// attached returns the file that a call sends.
func (f *files) attached(kind string, p params) (File, error) {
	if up, ok := p.files[kind]; ok {
		return f.uploaded(kind, up)
	}
	value := p.text(kind)
	if name, ok := strings.CutPrefix(value, "attach://"); ok {
		if up, ok := p.files[name]; ok {
			return f.uploaded(kind, up)
		}
	}
	if known, ok := f.byID[value]; ok {
		again := known.File
		again.FilePath = ""
		return again, nil
	}
	if strings.HasPrefix(value, "http://") || strings.HasPrefix(value, "https://") {
		return f.add(File{FileName: value[strings.LastIndexByte(value, '/')+1:]}, nil), nil
	}
	if value == "" {
		return File{}, badRequest("there is no " + kind + " in the request")
	}
	return File{}, badRequest("wrong remote file identifier specified: Wrong string length")
}

// uploaded keeps a file that came with a call.
func (f *files) uploaded(kind string, up upload) (File, error) {
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
	return f.add(File{FileName: up.name, MimeType: up.mime}, up.data), nil
}

// attach makes a file the content of a message, as the service shows its kind.
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

// getFile tells the path under which a file can be fetched.
func getFile(s *Server, _ *http.Request, p params) (any, error) {
	c := s.Chats
	c.mu.Lock()
	defer c.mu.Unlock()
	if !p.has("file_id") {
		return nil, badRequest("file_id not specified")
	}
	f, known := c.files.byID[p.text("file_id")]
	switch {
	case !known:
		return nil, badRequest("wrong file_id or the file is temporarily unavailable")
	case f.FileSize > maxDownload:
		return nil, badRequest("file is too big")
	}
	return File{FileID: f.FileID, FileUniqueID: f.FileUniqueID, FileSize: f.FileSize, FilePath: f.FilePath}, nil
}
