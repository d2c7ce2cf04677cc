package botapitest

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// maxBody is above the largest upload, so that one too large is answered by the method. In bytes.
const maxBody = 60 << 20

// params are a call's parameters, wherever they came in.
type params struct {
	values map[string]string
	files  map[string]upload
}

// upload is a file in a multipart body.
type upload struct {
	name string
	mime string
	data []byte
}

// readParams reads parameters from the query and from the body in any of the four forms ("Making requests").
func readParams(w http.ResponseWriter, r *http.Request) (params, error) {
	p := params{values: map[string]string{}, files: map[string]upload{}}
	for name, values := range r.URL.Query() {
		p.values[name] = values[0]
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return p, &apiError{Code: 405, Description: "Method Not Allowed"}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var err error
	switch kind {
	case "application/json":
		err = p.readJSON(r.Body)
	case "multipart/form-data":
		err = p.readMultipart(r)
	case "application/x-www-form-urlencoded":
		if err = r.ParseForm(); err == nil {
			for name, values := range r.PostForm {
				p.values[name] = values[0]
			}
		}
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return p, &apiError{Code: 413, Description: "Request Entity Too Large"}
	}
	if err != nil {
		return p, badRequest("can't parse the request: " + err.Error())
	}
	return p, nil
}

// readJSON takes strings as they are, and keeps other values as JSON.
func (p params) readJSON(body io.Reader) error {
	var object map[string]json.RawMessage
	if err := json.NewDecoder(body).Decode(&object); err != nil && err != io.EOF {
		return err
	}
	for name, raw := range object {
		var text string
		switch {
		case string(raw) == "null":
		case json.Unmarshal(raw, &text) == nil:
			p.values[name] = text
		default:
			p.values[name] = string(raw)
		}
	}
	return nil
}

// readMultipart takes parts with a file name as files.
func (p params) readMultipart(r *http.Request) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return err
	}
	for {
		part, err := parts.NextPart()
		if err == io.EOF || (errors.Is(err, io.EOF) && len(p.values) == 0) {
			return nil // some clients send an empty body for a call without parameters
		}
		if err != nil {
			return err
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return err
		}
		if part.FileName() != "" {
			p.files[part.FormName()] = upload{part.FileName(), part.Header.Get("Content-Type"), data}
			continue
		}
		p.values[part.FormName()] = string(data)
	}
}

// strings returns the parameters with files as their names, for the record of calls.
func (p params) strings() map[string]string {
	out := make(map[string]string, len(p.values)+len(p.files))
	for name, value := range p.values {
		out[name] = value
	}
	for name, file := range p.files {
		out[name] = "file:" + file.name
	}
	return out
}

// text returns a parameter as it came, "" when it is missing.
func (p params) text(name string) string { return p.values[name] }

// has reports whether a parameter is there and not empty.
func (p params) has(name string) bool { return p.values[name] != "" }

// int returns a number within [low, high]; what is no number is 0 before it is clamped.
func (p params) int(name string, missing, low, high int64) int64 {
	if !p.has(name) {
		return missing
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(p.values[name]), 10, 64)
	return max(low, min(high, n))
}

// id returns the id of a message or topic, 0 when it is missing or no number.
func (p params) id(name string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSpace(p.values[name]), 10, 64)
	return n
}

// bool returns a flag: true, yes and 1 are set.
func (p params) bool(name string) bool {
	switch strings.ToLower(p.values[name]) {
	case "true", "yes", "1":
		return true
	}
	return false
}

// json decodes a JSON-serialized parameter into v and reports whether it was there.
func (p params) json(name string, v any) (bool, error) {
	if !p.has(name) {
		return false, nil
	}
	if err := json.Unmarshal([]byte(p.values[name]), v); err != nil {
		return false, badRequest("can't parse " + name + " JSON object")
	}
	return true, nil
}
