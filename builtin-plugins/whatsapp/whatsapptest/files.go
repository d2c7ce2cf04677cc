package whatsapptest

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// file is one that was uploaded, or that somebody has sent.
type file struct {
	data       []byte
	mime, name string
	located    time.Time // when its address was told
}

// addressHolds is how long the address of a file holds (Media, "Retrieve media URL").
const addressHolds = 5 * time.Minute

// maxUpload are the largest files by type, in bytes, and takes which types there are (Supported media types).
var maxUpload = map[string]int{
	"image/jpeg": 5 << 20, "image/png": 5 << 20, "image/webp": 500 << 10,
	"audio/aac": 16 << 20, "audio/amr": 16 << 20, "audio/mpeg": 16 << 20, "audio/mp4": 16 << 20, "audio/ogg": 16 << 20,
	"video/mp4": 16 << 20, "video/3gpp": 16 << 20, "text/plain": 100 << 20, "application/pdf": 100 << 20,
}

// upload takes a file (Media, "Upload media").
func (s *Server) upload(w http.ResponseWriter, r *http.Request) (any, *apiError) {
	if err := r.ParseMultipartForm(1 << 20); err != nil || r.FormValue("messaging_product") != "whatsapp" {
		return nil, invalid(100, "The parameter messaging_product is required.")
	}
	in, head, err := r.FormFile("file")
	if err != nil {
		return nil, invalid(100, "The parameter file is required.")
	}
	defer in.Close()
	data, err := io.ReadAll(in)
	kind := r.FormValue("type")
	if most, known := maxUpload[kind]; err != nil || !known || head.Header.Get("Content-Type") != kind || len(data) > most {
		return nil, invalid(100, "Param file must be a file with one of the following types: audio/aac, …, of no more bytes than it may have; this one is of type "+kind)
	}
	id := s.next("media")
	s.files[id] = &file{data: data, mime: kind, name: head.Filename}
	return map[string]any{"id": id}, nil
}

// locate tells where a file is (Media, "Retrieve media URL").
func (s *Server) locate(id string) (any, *apiError) {
	f := s.files[id]
	if f == nil {
		return nil, invalid(100, "Unsupported get request. Object with ID '"+id+"' does not exist")
	}
	f.located = s.cfg.Now()
	sum := sha256.Sum256(f.data)
	return map[string]any{
		"messaging_product": "whatsapp", "url": s.Root() + "/download/" + id + "?source=getMedia", "mime_type": f.mime,
		"sha256": hex.EncodeToString(sum[:]), "file_size": strconv.Itoa(len(f.data)), "id": id,
	}, nil
}

// download answers with a file.
func (s *Server) download(w http.ResponseWriter, id string) *apiError {
	f := s.files[id]
	if f == nil || s.cfg.Now().Sub(f.located) > addressHolds {
		return &apiError{http.StatusNotFound, 0, "URL has expired"}
	}
	w.Header().Set("Content-Type", f.mime)
	_, _ = w.Write(f.data)
	return nil
}

// next is an id that was not given out yet.
func (s *Server) next(kind string) string {
	s.count++
	return strings.ToUpper(kind[:1]) + strconv.Itoa(1_000_000_000+s.count)
}
