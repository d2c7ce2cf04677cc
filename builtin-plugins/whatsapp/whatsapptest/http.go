package whatsapptest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// apiError is an answer other than ok (Error codes, "Error response syntax").
type apiError struct {
	status, code int
	details      string
}

func (e *apiError) Error() string { return fmt.Sprintf("(#%d) %s", e.code, e.details) }

// invalid is the answer to a call that cannot be carried out.
func invalid(code int, details string) *apiError {
	return &apiError{http.StatusBadRequest, code, details}
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, e *apiError) {
	web.JSON(w, e.status, map[string]any{"error": map[string]any{
		"message": e.Error(), "type": "OAuthException", "code": e.code, "fbtrace_id": "A1b2C3",
		"error_data": map[string]any{"messaging_product": "whatsapp", "details": e.details},
	}})
}

// ServeHTTP answers /{version}/{number}, /{version}/{number}/messages, /{version}/{number}/media,
// /{version}/{number}/conversational_automation, /{version}/{media} and /download/{media}.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+s.cfg.Token {
		refuse(w, &apiError{http.StatusUnauthorized, 190, "Invalid OAuth access token"})
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) < 2 {
		refuse(w, &apiError{http.StatusNotFound, 2500, "Unknown path components"})
		return
	}
	edge, id := "locate", parts[1]
	switch {
	case parts[0] == "download":
		edge = "download"
	case len(parts) == 3:
		edge = parts[2]
	case id == s.cfg.PhoneNumberID:
		edge = "number"
	}
	if len(parts) == 3 && id != s.cfg.PhoneNumberID {
		refuse(w, invalid(100, "Unsupported post request. Object with ID '"+id+"' does not exist"))
		return
	}
	s.serve(w, r, edge, id)
}

// serve handles a call of an edge, unless a fault takes its place.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, edge, id string) {
	var body message
	if edge == "messages" {
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&body); err != nil {
			refuse(w, invalid(100, "Invalid JSON: "+err.Error()))
			return
		}
	}
	fault := s.Fault(edge, body.Type)
	if fault.Before(w, r, injected) {
		return
	}
	out, err := s.handle(w, r, edge, id, body)
	fault.After()
	switch {
	case err != nil:
		refuse(w, err)
	case out != nil:
		web.JSON(w, http.StatusOK, out)
	}
}

// handle does what a call asks for. Without an answer it has been given.
func (s *Server) handle(w http.ResponseWriter, r *http.Request, edge, id string, body message) (any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.Raise()
	s.calls = append(s.calls, Call{Edge: edge, Method: r.Method, Body: body.raw})
	switch {
	case edge == "number" && r.Method == http.MethodGet:
		return map[string]any{"id": id, "display_phone_number": "+" + s.cfg.Number[:1] + " " + s.cfg.Number[1:], "verified_name": "Carapace"}, nil
	case edge == "messages" && r.Method == http.MethodPost:
		return s.take(&body)
	case edge == "media" && r.Method == http.MethodPost:
		return s.upload(w, r)
	case edge == "conversational_automation" && r.Method == http.MethodPost:
		return s.automate(w, r)
	case edge == "locate" && r.Method == http.MethodGet:
		return s.locate(id)
	case edge == "download" && r.Method == http.MethodGet:
		return nil, s.download(w, id)
	}
	return nil, &apiError{http.StatusNotFound, 2500, "Unknown path components"}
}

// Call is one call that the program made.
type Call struct {
	Edge, Method string
	Body         json.RawMessage
}

// Calls returns the calls that were handled so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}
