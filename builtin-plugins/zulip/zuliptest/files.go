package zuliptest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxFile bounds a file, in bytes.
const maxFile = 25 << 20

// AddFile puts a file onto the server and returns its address, as messages link to it.
func (w *World) AddFile(f File) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made++
	path := fmt.Sprintf("2/ab/secret%d/%s", w.made, strings.ReplaceAll(f.Name, " ", "-"))
	w.files[path] = f
	return "/user_uploads/" + path
}

// File is a file by its address.
func (w *World) File(address string) (File, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f, ok := w.files[strings.TrimPrefix(address, "/user_uploads/")]
	return f, ok
}

// upload takes a file ("Upload a file").
func (s *Server) upload(c *call) (fields, error) {
	if c.MultipartForm == nil || len(c.MultipartForm.File) != 1 {
		return nil, bad("You must specify a file to upload")
	}
	for _, files := range c.MultipartForm.File {
		header := files[0]
		if header.Size > maxFile {
			return nil, &apiError{status: 413, code: "BAD_REQUEST", msg: "File is larger than this server's configured maximum upload size (25 MiB)."}
		}
		f, err := header.Open()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		data, err := io.ReadAll(f)
		if err != nil {
			return nil, err
		}
		address := s.AddFile(File{header.Filename, header.Header.Get("Content-Type"), data})
		return fields{"uri": address, "url": address, "filename": header.Filename}, nil
	}
	return nil, nil
}

// temporary gives an address that is good for a minute ("Get temporary URL for an uploaded file").
func (s *Server) temporary(c *call) (fields, error) {
	path := c.PathValue("realm") + "/" + c.PathValue("path")
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.files[path]
	if !ok {
		return nil, &apiError{status: 404, code: "BAD_REQUEST", msg: "File not found"}
	}
	s.made++
	token := fmt.Sprintf("token%d", s.made)
	s.tokens[token] = path
	return fields{"url": "/user_uploads/temporary/" + token + "/" + f.Name}, nil
}

// download gives a file to whoever has its temporary address.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	f, ok := s.files[s.tokens[r.PathValue("token")]]
	s.mu.Unlock()
	if _, _, login := r.BasicAuth(); !ok || login {
		writeError(w, bad("Invalid token"))
		return
	}
	w.Header().Set("Content-Type", f.Type)
	_, _ = w.Write(f.Data)
}
