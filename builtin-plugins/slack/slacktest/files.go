package slacktest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// uploadURL begins an upload (files.getUploadURLExternal).
func uploadURL(s *Server, form url.Values) (answer, error) {
	size, err := strconv.Atoi(form.Get("length"))
	if err != nil || size <= 0 || form.Get("filename") == "" {
		return nil, refuse("invalid_arguments")
	}
	f := &File{ID: s.world.id("F"), Name: form.Get("filename"), expected: size}
	s.world.files[f.ID] = f
	return answer{"upload_url": s.Root() + "/upload/v1/" + f.ID, "file_id": f.ID}, nil
}

// serveUpload takes what is posted to such an address, which is secret and needs no token: as it is or in multipart.
func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request, id string) {
	fault := s.fault("upload", nil)
	if fault != nil && !fault.CutAfter {
		s.note(Call{Method: "upload", Failed: true})
		fault.play(w, r)
		return
	}
	data, err := readUpload(r)
	s.mu.Lock()
	f := s.world.files[id]
	ok := err == nil && f != nil && len(data) == f.expected
	if ok {
		f.Data, f.Size, f.Mimetype = data, len(data), http.DetectContentType(data)
	}
	s.mu.Unlock()
	s.note(Call{Method: "upload"})
	switch {
	case fault != nil:
		fault.play(w, r)
	case !ok:
		http.Error(w, "the file is not as it was announced", http.StatusBadRequest)
	default:
		_, _ = io.WriteString(w, "OK - "+strconv.Itoa(len(data)))
	}
}

func readUpload(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return io.ReadAll(r.Body)
	}
	if err := r.ParseMultipartForm(maxBody); err != nil {
		return nil, err
	}
	for _, list := range r.MultipartForm.File {
		in, err := list[0].Open()
		if err != nil {
			return nil, err
		}
		defer in.Close()
		return io.ReadAll(in)
	}
	return nil, http.ErrMissingFile
}

// completeUpload shares files in a message (files.completeUploadExternal). The answer does not say which.
func completeUpload(s *Server, form url.Values) (answer, error) {
	var list []struct{ ID, Title string }
	if json.Unmarshal([]byte(form.Get("files")), &list) != nil || len(list) == 0 {
		return nil, refuse("invalid_arguments")
	}
	c, err := s.target(form.Get("channel_id"))
	thread := form.Get("thread_ts")
	switch {
	case err != nil:
		return nil, err
	case c.Outside:
		return nil, refuse("not_in_channel")
	case thread != "" && s.world.find(c.ID, thread) == nil:
		return nil, refuse("invalid_arguments")
	}
	m := &Message{Type: "message", Subtype: "file_share", User: s.cfg.Bot.ID, BotID: botID, Text: form.Get("initial_comment"), TS: s.world.ts(), ThreadTS: thread, Channel: c.ID}
	for _, item := range list {
		f := s.world.files[item.ID]
		if f == nil || f.Data == nil {
			return nil, refuse("file_not_found")
		}
		f.Title, f.URLPrivateDownload = item.Title, s.address(f)
		f.channels = append(f.channels, c.ID)
		m.Files = append(m.Files, *f)
	}
	s.add(c, m)
	return answer{"files": list}, nil
}

// address is where a file is fetched.
func (s *Server) address(f *File) string {
	return s.Root() + "/files-pri/" + teamID + "-" + f.ID + "/download/" + url.PathEscape(f.Name)
}

func fileInfo(s *Server, form url.Values) (answer, error) {
	f := s.world.files[form.Get("file")]
	if f == nil {
		return nil, refuse("file_not_found")
	}
	return answer{"file": answer{"id": f.ID, "name": f.Name, "channels": append([]string{}, f.channels...)}}, nil
}

func deleteFile(s *Server, form url.Values) (answer, error) {
	id := form.Get("file")
	if s.world.files[id] == nil {
		return nil, refuse("file_not_found")
	}
	delete(s.world.files, id)
	for channel, list := range s.world.messages {
		s.world.messages[channel] = slices.DeleteFunc(list, func(m *Message) bool { return len(m.Files) > 0 && m.Files[0].ID == id })
	}
	return answer{}, nil
}

// serveFile answers with a file to who has the bot's token. Others are led to a page on which people log in.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	if fault := s.fault("file", nil); fault != nil {
		fault.play(w, r)
		return
	}
	rest := strings.TrimPrefix(r.URL.Path, "/files-pri/"+teamID+"-")
	id, _, _ := strings.Cut(rest, "/")
	s.mu.Lock()
	f := s.world.files[id]
	s.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer "+s.cfg.BotToken:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>Sign in to Slack</html>")
	case f == nil:
		http.NotFound(w, r)
	default:
		w.Header().Set("Content-Type", f.Mimetype)
		_, _ = w.Write(f.Data)
	}
}
