package matrixtest

import (
	"io"
	"sync"
)

// file is a file of the content repository.
type file struct {
	data []byte
	kind string
	name string
}

// files are by their ids.
type files struct {
	mu   sync.Mutex
	held map[string]*file
}

// AddFile puts a file onto the server and returns its address there, mxc://….
func (s *Server) AddFile(name, kind string, data []byte) string {
	s.World.mu.Lock()
	id := s.World.id("media")
	s.World.mu.Unlock()
	s.files.mu.Lock()
	defer s.files.mu.Unlock()
	if s.files.held == nil {
		s.files.held = map[string]*file{}
	}
	s.files.held[id] = &file{data, kind, name}
	return "mxc://" + s.cfg.Name + "/" + id
}

// File returns what is at an address of the content repository.
func (s *Server) File(uri string) (name, kind string, data []byte) {
	prefix := "mxc://" + s.cfg.Name + "/"
	if len(uri) <= len(prefix) {
		return "", "", nil
	}
	s.files.mu.Lock()
	defer s.files.mu.Unlock()
	if f := s.files.held[uri[len(prefix):]]; f != nil {
		return f.name, f.kind, f.data
	}
	return "", "", nil
}

func mediaConfig(c *call) (any, error) {
	return Content{"m.upload.size": c.server.cfg.UploadLimit}, nil
}

func upload(c *call) (any, error) {
	data, err := io.ReadAll(io.LimitReader(c.Body, c.server.cfg.UploadLimit+1))
	if err != nil {
		return nil, badRequest("M_UNKNOWN", "the upload broke off")
	}
	if int64(len(data)) > c.server.cfg.UploadLimit {
		return nil, &apiError{status: 413, code: "M_TOO_LARGE", words: "Upload request body is too large"}
	}
	kind := c.Header.Get("Content-Type")
	if kind == "" {
		kind = "application/octet-stream"
	}
	return Content{"content_uri": c.server.AddFile(c.URL.Query().Get("filename"), kind, data)}, nil
}

func download(c *call) (any, error) {
	_, kind, data := c.server.File("mxc://" + c.PathValue("server") + "/" + c.PathValue("id"))
	if data == nil {
		return nil, notFound("Not found")
	}
	return &file{data: data, kind: kind}, nil
}

// oldDownload is where files were before they needed the token. Servers that know the new address serve there what was there
// before alone ("Content repository", 1.11).
func oldDownload(c *call) (any, error) {
	for _, v := range c.server.cfg.Versions {
		if v == "v1.11" {
			return nil, notFound("Not found")
		}
	}
	return download(c)
}
