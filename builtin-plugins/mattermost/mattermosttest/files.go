package mattermosttest

import (
	"io"
	"net/http"
	"path"
	"strings"
)

// serveUpload takes files that belong to no post yet (POST /files, multipart/form-data).
func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request) {
	user := s.userOf(r)
	if user == "" {
		writeError(w, refuse(401, "api.context.session_expired.app_error", "Invalid or expired session, please login again."))
		return
	}
	if err := r.ParseMultipartForm(32 << 20); err != nil {
		writeError(w, refuse(400, "api.file.upload_file.read_request.app_error", "Unable to upload file(s). Error reading or parsing request data."))
		return
	}
	s.mu.Lock()
	_, err := s.readable(user, r.FormValue("channel_id"))
	s.mu.Unlock()
	if err != nil {
		writeError(w, errPermissions)
		return
	}
	infos := []File{}
	for _, head := range r.MultipartForm.File["files"] {
		f, err := head.Open()
		if err != nil {
			writeError(w, err)
			return
		}
		data, _ := io.ReadAll(f)
		_ = f.Close()
		if len(data) > s.cfg.MaxFile {
			writeError(w, refuse(413, "api.file.upload_file.too_large_detailed.app_error", "Unable to upload file. File is larger than the maximum."))
			return
		}
		infos = append(infos, s.AddFile(user, File{Name: head.Filename, MimeType: head.Header.Get("Content-Type"), Data: data}))
	}
	writeJSON(w, 201, map[string]any{"file_infos": infos, "client_ids": []string{}})
}

// AddFile keeps a file of somebody's and returns it with its id, for a post.
func (s *Server) AddFile(user string, f File) File {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.ID, f.UserID, f.Size, f.CreateAt = s.world.id("file"), user, len(f.Data), s.world.now()
	f.Extension = strings.TrimPrefix(path.Ext(f.Name), ".")
	kept := f
	s.world.files[f.ID] = &kept
	return f
}

// serveFile is a file's content.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	user := s.userOf(r)
	s.mu.Lock()
	f := s.world.files[r.PathValue("id")]
	s.mu.Unlock()
	switch {
	case user == "":
		writeError(w, refuse(401, "api.context.session_expired.app_error", "Invalid or expired session, please login again."))
	case f == nil:
		writeError(w, refuse(404, "app.file_info.get.app_error", "Unable to get the file info."))
	default:
		w.Header().Set("Content-Type", f.MimeType)
		_, _ = w.Write(f.Data)
	}
}

// Files returns the files of a post.
func (s *Server) Files(p Post) (list []File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range p.FileIDs {
		list = append(list, *s.world.files[id])
	}
	return list
}
