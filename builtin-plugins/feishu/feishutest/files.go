package feishutest

import (
	"io"
	"net/http"
	"slices"
)

// file is one that was uploaded, or that somebody has sent.
type file struct {
	data []byte
	name string
	form string // the type of the message that it is for
	of   string // the message that has it
}

// content reads an upload.
func content(r *http.Request, field string) (data []byte, name, mime string, failed *apiError) {
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		return nil, "", "", invalid(234001, "Invalid request param.")
	}
	in, head, err := r.FormFile(field)
	if err != nil {
		return nil, "", "", invalid(234001, "Invalid request param.")
	}
	defer in.Close()
	data, err = io.ReadAll(in)
	switch {
	case err != nil || len(data) == 0:
		return nil, "", "", invalid(234010, "File's size can't be 0.")
	case len(data) > 30<<20:
		return nil, "", "", invalid(234006, "The file size exceed the max value.")
	}
	return data, head.Filename, head.Header.Get("Content-Type"), nil
}

// image takes a picture ("Upload image").
func (s *Server) image(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	data, _, mime, err := content(r, "image")
	switch {
	case err != nil:
		return nil, err
	case r.FormValue("image_type") != "message":
		return nil, invalid(234001, "Invalid request param.")
	case !slices.Contains([]string{"image/jpeg", "image/png", "image/gif", "image/webp"}, mime) || len(data) > 10<<20:
		return nil, invalid(234011, "Can't recognize image format.")
	}
	key := s.next("img")
	s.files[key] = &file{data: data, form: "image"}
	return object{"data": object{"image_key": key}}, nil
}

// upload takes a file ("Upload file").
func (s *Server) upload(_ http.ResponseWriter, r *http.Request) (object, *apiError) {
	data, _, _, err := content(r, "file")
	if err != nil {
		return nil, err
	}
	forms := map[string]string{"opus": "audio", "mp4": "media", "pdf": "file", "doc": "file", "xls": "file", "ppt": "file", "stream": "file"}
	form, name := forms[r.FormValue("file_type")], r.FormValue("file_name")
	if form == "" || name == "" {
		return nil, invalid(234001, "Invalid request param.")
	}
	key := s.next("file")
	s.files[key] = &file{data: data, name: name, form: form}
	return object{"data": object{"file_key": key}}, nil
}

// resource answers with a file of a message ("Obtain resource files in messages").
func (s *Server) resource(w http.ResponseWriter, r *http.Request) (object, *apiError) {
	f := s.files[r.PathValue("key")]
	if f == nil || f.of != r.PathValue("id") || (r.URL.Query().Get("type") == "image") != (f.form == "image") {
		return nil, invalid(234003, "File not in msg.")
	}
	w.Header().Set("Content-Type", http.DetectContentType(f.data))
	_, _ = w.Write(f.data)
	return nil, nil
}
