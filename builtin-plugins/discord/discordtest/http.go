package discordtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// request is a call of the API.
type request struct {
	*http.Request
	body  json.RawMessage // the JSON, also of a form
	files []*multipart.FileHeader
}

// Discord's names for what it takes in one request ("Uploading Files").
const (
	maxBody = 25 << 20
	maxFile = 10 << 20
)

var version = regexp.MustCompile(`^/api/v\d+`)

// ServeHTTP answers the API, the gateway and the files.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if prefix := version.FindString(r.URL.Path); prefix != "" {
		r2 := r.Clone(r.Context())
		r2.URL.Path, r2.URL.RawPath = strings.TrimPrefix(r.URL.Path, prefix), strings.TrimPrefix(r.URL.EscapedPath(), prefix)
		s.mux.ServeHTTP(w, r2)
		return
	}
	switch {
	case r.URL.Path == "/" || r.URL.Path == "/resume":
		s.Gateway.serve(w, r)
	case strings.HasPrefix(r.URL.Path, "/attachments/"), strings.HasPrefix(r.URL.Path, "/stickers/"):
		s.serveFile(w, r)
	default:
		http.NotFound(w, r)
	}
}

// handler answers a call: a value that is sent as JSON, nil for nothing (204), or an error.
type handler func(s *Server, r *request) (any, error)

// on registers a route of the API. Those of interactions have their token in the path, all others in a header.
func (s *Server) on(mux *http.ServeMux, route string, h handler) {
	mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
		open := strings.Contains(route, "/interactions/")
		if !open && !s.cfg.authorized(r.Header.Get("Authorization")) {
			s.Journal.addCall(Call{Route: route, Path: r.URL.Path, Status: 401})
			writeError(w, &apiError{Status: 401, Message: "401: Unauthorized"})
			return
		}
		call := Call{Route: route, Path: r.URL.Path}
		req, err := read(w, r)
		if err == nil {
			call.Body = req.body
		}
		fault := s.fault(route)
		if fault != nil && !fault.CutAfter {
			call.Fault, call.Status = fault.name(), fault.Status
			s.Journal.addCall(call)
			fault.play(w, r)
			return
		}
		var result any
		if err == nil {
			err = s.limits(w, route, r.PathValue("channel"))
		}
		if err == nil {
			result, err = h(s, req)
		}
		call.Status = 200
		if e := (*apiError)(nil); errors.As(err, &e) {
			call.Status, call.Code = e.Status, e.Code
		}
		if fault != nil {
			call.Fault = fault.name()
		}
		s.Journal.addCall(call)
		switch {
		case fault != nil:
			fault.play(w, r)
		case err != nil:
			writeError(w, err)
		case result == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			writeJSON(w, 200, result)
		}
	})
}

// read takes the body apart: JSON, or a form with JSON and files.
func read(w http.ResponseWriter, r *http.Request) (*request, error) {
	req := &request{Request: r, body: json.RawMessage("{}")}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, tooLarge()
		}
		if len(bytes.TrimSpace(data)) > 0 {
			req.body = data
		}
		if !json.Valid(req.body) {
			return nil, &apiError{Status: 400, Code: 50109, Message: "The request body contains invalid JSON."}
		}
		return req, nil
	}
	if err := r.ParseMultipartForm(maxBody); err != nil {
		return nil, tooLarge()
	}
	if text := r.FormValue("payload_json"); text != "" {
		req.body = json.RawMessage(text)
	}
	if !json.Valid(req.body) {
		return nil, &apiError{Status: 400, Code: 50109, Message: "The request body contains invalid JSON."}
	}
	for i := 0; ; i++ {
		list := r.MultipartForm.File["files["+strconv.Itoa(i)+"]"]
		if len(list) == 0 {
			return req, nil
		}
		if list[0].Size > maxFile {
			return nil, tooLarge()
		}
		req.files = append(req.files, list[0])
	}
}

func tooLarge() *apiError {
	return &apiError{Status: 413, Code: 40005, Message: "Request entity too large"}
}

// writeError answers with an error; one that is no *apiError is the server's fault.
func writeError(w http.ResponseWriter, err error) {
	e := (*apiError)(nil)
	if !errors.As(err, &e) {
		e = &apiError{Status: 500, Message: err.Error()}
	}
	if e.Status == 429 {
		w.Header().Set("Retry-After", strconv.FormatFloat(e.RetryAfter, 'f', -1, 64))
		if e.Global {
			w.Header().Set("X-RateLimit-Global", "true")
		}
	}
	writeJSON(w, e.Status, e.body())
}

// writeJSON answers with v as JSON.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(marshal(v))
}

// serveFile answers with a file of a message.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	if fault := s.fault("file"); fault != nil {
		fault.play(w, r)
		return
	}
	s.world.mu.Lock()
	data, known := s.world.files[r.URL.Path]
	s.world.mu.Unlock()
	if !known {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(data)
}
