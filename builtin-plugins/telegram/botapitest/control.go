package botapitest

import (
	"encoding/json"
	"net/http"
)

// Control returns a handler by which another process drives the server: POST /say and /fail take a
// Message and a Fault as JSON; GET /sent, /calls and /pending answer JSON. It has no authentication, so
// serve it on loopback only.
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /say", func(w http.ResponseWriter, r *http.Request) {
		var m Message
		if !readControl(w, r, &m) {
			return
		}
		if m.Chat.ID == 0 && m.From != nil {
			m.Chat = Chat{ID: m.From.ID, Type: "private", FirstName: m.From.FirstName}
		}
		writeJSON(w, 200, s.Say(m))
	})
	mux.HandleFunc("POST /fail", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		if !readControl(w, r, &f) {
			return
		}
		s.Fail(f)
		writeJSON(w, 200, f)
	})
	mux.HandleFunc("GET /sent", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, s.Sent()) })
	mux.HandleFunc("GET /calls", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, s.Calls()) })
	mux.HandleFunc("GET /pending", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, s.Pending()) })
	return mux
}

// readControl decodes a body, or answers 400 and returns false.
func readControl(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(v); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}
