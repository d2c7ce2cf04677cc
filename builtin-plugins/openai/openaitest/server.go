// Package openaitest is a server of OpenAI's Responses API for tests: POST /v1/responses, streamed and whole, and GET
// /v1/models. It is as strict as the API is documented and known to be: fields that it does not know, reasoning that was
// changed or has lost what followed it, results without a call and calls without a result, what only models that reason
// take, are refused with the API's own errors. What it answers is a script; OpenAI's own client libraries accept it, see
// .ci/openai.
package openaitest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Key is the key that is accepted, in Authorization or in the header api-key.
const Key = "sk-openaitest"

// Server is the API. It is an http.Handler, and safe for concurrent use.
type Server struct {
	mu       sync.Mutex
	script   []Reply
	requests []Request
	issued   map[string]string // ids of reasoning to what it was
}

// Request is one that the server got and took for good.
type Request struct {
	Header http.Header
	Query  string
	Body   []byte
	Parsed Asked
}

// New returns a server that plays these replies, one for each good request, and 500 after the last one.
func New(replies ...Reply) *Server {
	return &Server{script: replies, issued: map[string]string{}}
}

// Script adds replies.
func (s *Server) Script(replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, replies...)
}

// Requests returns the good requests so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); key != Key && r.Header.Get("api-key") != Key {
		refuse(w, http.StatusUnauthorized, "invalid_request_error", "invalid_api_key", "Incorrect API key provided: "+key+". You can find your API key at https://platform.openai.com/account/api-keys.")
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/models":
		writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": []any{
			map[string]any{"id": "gpt-5.1", "object": "model", "created": 1, "owned_by": "openai"}, map[string]any{"id": "gpt-4.1", "object": "model", "created": 1, "owned_by": "openai"},
		}})
	case "POST /v1/responses":
		s.respond(w, r)
	default:
		refuse(w, http.StatusNotFound, "invalid_request_error", "", "Invalid URL ("+r.Method+" "+r.URL.Path+")")
	}
}

func (s *Server) respond(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	request := Request{Header: r.Header, Query: r.URL.RawQuery, Body: body}
	problem := request.Parsed.read(body)
	if problem == "" {
		problem = s.check(&request.Parsed)
	}
	if problem != "" {
		refuse(w, http.StatusBadRequest, "invalid_request_error", "", problem)
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, request)
	reply := Reply{Status: 500, Code: "server_error", Message: "The script has ended."}
	if len(s.script) > 0 {
		reply, s.script = s.script[0], s.script[1:]
	}
	s.mu.Unlock()
	reply.write(w, r, s, &request.Parsed)
}

// note remembers reasoning that was sent.
func (s *Server) note(item map[string]any) {
	text, _ := json.Marshal(item) // texts and lists of them
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued[item["id"].(string)] = string(text)
}

func refuse(w http.ResponseWriter, status int, kind, code, message string) {
	problem := map[string]any{"message": message, "type": kind, "param": nil, "code": nil}
	if code != "" {
		problem["code"] = code
	}
	writeJSON(w, status, map[string]any{"error": problem})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a client that has gone gets nothing
}
