//go:build !wasip1

package sdktest

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

// placeholder is what the kernel accepts as one.
var placeholder = regexp.MustCompile(`\{\{credential:([A-Za-z0-9_.-]{1,64})\}\}`)

// Do makes a request that a plugin described, against h.HTTP, as the kernel would: credentials are
// filled in, and the response carries the request's id. A request that is to be signed says in Authorization for what, and
// has no signature. Tests use it for the requests in an answer.
func (h *Host) Do(request *wit.HTTPRequest) (*wit.HTTPResponse, error) { return h.httpRequest(request) }

// DoContext is Do for a request that may be given up: h.HTTP is told by the request's context.
func (h *Host) DoContext(ctx context.Context, request *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	if h.HTTP == nil {
		return nil, wit.NewError(wit.CodeForbidden, "the test host has no HTTP")
	}
	made, err := h.build(ctx, request)
	if err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	// Asked now and not before: credentials that are set after ctx has ended are in no request that was begun before.
	if err := ctx.Err(); err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "request %s: %w", request.ID, err)
	}
	if err := serve(h.HTTP, recorder, made); err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "request %s: %w", request.ID, err)
	}
	response := &wit.HTTPResponse{ID: request.ID, Status: uint16(recorder.Code)}
	for name, values := range recorder.Header() {
		for _, value := range values {
			response.Headers = append(response.Headers, wit.Header{Name: name, Value: value})
		}
	}
	if body := recorder.Body.Bytes(); utf8.Valid(body) {
		response.Text = new(string(body))
	} else {
		response.Bytes = body
	}
	return response, nil
}

// serve has a request answered. One that is given up has no answer, and neither has one whose handler aborts, by which it breaks
// the connection.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch why := recover(); why {
		case nil:
			err = r.Context().Err()
		case http.ErrAbortHandler:
			err = io.ErrUnexpectedEOF
		default:
			panic(why)
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

func (h *Host) httpRequest(request *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	return h.DoContext(context.Background(), request)
}

func (h *Host) build(ctx context.Context, request *wit.HTTPRequest) (*http.Request, error) {
	fill := filler{host: h}
	body, contentType := h.body(request, &fill)
	method := request.Method
	if method == "" {
		method = wit.HTTPRequestMethodDefault
	}
	path, query, found := strings.Cut(request.URL, "?")
	url := fill.in(path)
	if found {
		url += "?" + fill.own(request, query)
	}
	made, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "request %s: %w", request.ID, err)
	}
	for _, header := range request.Headers {
		made.Header.Add(header.Name, fill.in(header.Value))
	}
	if len(request.Parts) > 0 || contentType != "" && made.Header.Get("Content-Type") == "" {
		made.Header.Set("Content-Type", contentType)
	}
	if b := request.Basic; b != nil {
		made.SetBasicAuth(b.User, fill.in("{{credential:"+b.Password+"}}"))
	}
	if s := request.SigV4; s != nil {
		made.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+fill.in("{{credential:"+s.AccessKey+"}}")+"/"+s.Region+"/"+s.Service)
		fill.in("{{credential:" + s.SecretKey + "}}")
	}
	return made, fill.err
}

// embedded is a body with the files that the request embeds, each where its place stands first.
func (h *Host) embedded(request *wit.HTTPRequest, body string) string {
	for _, id := range request.Embed {
		body = strings.Replace(body, "{{media:"+id+"}}", base64.StdEncoding.EncodeToString(h.file(id)), 1)
	}
	return body
}

func (h *Host) body(request *wit.HTTPRequest, fill *filler) (body io.Reader, contentType string) {
	switch {
	case request.Text != nil:
		return bytes.NewBufferString(h.embedded(request, fill.own(request, *request.Text))), ""
	case request.JSON != nil:
		return bytes.NewBufferString(h.embedded(request, fill.own(request, string(request.JSON)))), "application/json"
	case request.Media != nil:
		return bytes.NewReader(h.file(*request.Media)), h.Media[*request.Media].Mime
	case request.Parts == nil:
		return bytes.NewReader(request.Bytes), ""
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, part := range request.Parts {
		header := textproto.MIMEHeader{}
		disposition := `form-data; name="` + part.Name + `"`
		if part.FileName != nil {
			disposition += `; filename="` + *part.FileName + `"`
		}
		header.Set("Content-Disposition", disposition)
		if part.ContentType != nil {
			header.Set("Content-Type", *part.ContentType)
		}
		out, _ := w.CreatePart(header) // a bytes.Buffer does not fail
		switch {
		case part.Text != nil:
			_, _ = io.WriteString(out, fill.own(request, *part.Text))
		case part.Media != nil:
			_, _ = out.Write(h.file(*part.Media))
		default:
			_, _ = out.Write(part.Bytes)
		}
	}
	_ = w.Close()
	return &b, w.FormDataContentType()
}

// Fill puts credentials where a text names them, as the kernel does in requests and in frames that ask for it. The error is
// unauthorized if one is not set.
func (h *Host) Fill(text string) (string, error) {
	f := filler{host: h}
	text = f.in(text)
	return text, f.err
}

// file is what a file has in it.
func (h *Host) file(id string) []byte {
	if data, ok := h.Files[id]; ok {
		return data
	}
	return []byte("media:" + id)
}

// filler replaces placeholders and keeps the first one that has no credential.
type filler struct {
	host *Host
	err  error
}

// own is in for what the kernel leaves alone unless the request asks.
func (f *filler) own(request *wit.HTTPRequest, text string) string {
	if !request.Fill {
		return text
	}
	return f.in(text)
}

func (f *filler) in(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		name := placeholder.FindStringSubmatch(found)[1]
		f.host.mu.Lock()
		value, ok := f.host.Credentials[name]
		f.host.mu.Unlock()
		if !ok && f.err == nil {
			f.err = wit.Errorf(wit.CodeUnauthorized, "credential %s is not set", name)
		}
		return value
	})
}
