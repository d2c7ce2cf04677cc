// Package toymodel is a language model for tests, of few words: it says again what it is told.
//
//	POST /chat {"model": "echo", "text": "good morning"}     Authorization: Bearer KEY
//
// is answered with server-sent events, one for each word, and a last one that counts them:
//
//	data: {"text":"good "}
//	data: {"text":"morning "}
//	data: {"words":2}
//
// Another key is answered with 401.
package toymodel

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Key is the one that the server knows.
const Key = "toy-key"

// New returns the server.
func New() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /chat", chat)
	return mux
}

func chat(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+Key {
		http.Error(w, "wrong key", http.StatusUnauthorized)
		return
	}
	var ask struct{ Model, Text string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&ask); err != nil || ask.Model != "echo" {
		http.Error(w, "say {\"model\":\"echo\",\"text\":…}", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	words := strings.Fields(ask.Text)
	for _, word := range words {
		send(w, map[string]any{"text": word + " "})
	}
	send(w, map[string]any{"words": len(words)})
}

func send(w http.ResponseWriter, event any) {
	b, err := json.Marshal(event)
	if err != nil {
		return
	}
	fmt.Fprintf(w, "data: %s\n\n", b)
	_ = http.NewResponseController(w).Flush()
}
