// Package toystream is a language model for tests that says again what it is told, as an AWS event stream:
//
//	POST /stream {"text": "good morning"}
//
// is answered with a message of the type text for each word, and one of the type stop. Told "fail", it sends an
// exception in the middle; told "damage", a message whose checksum is wrong.
package toystream

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"net/http"
	"strings"
)

// New returns the server.
func New() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /stream", stream)
	return mux
}

func stream(w http.ResponseWriter, r *http.Request) {
	var ask struct{ Text string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&ask); err != nil {
		http.Error(w, "say {\"text\":…}", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	send := func(message []byte) {
		_, _ = w.Write(message[:7]) // packets come in pieces
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write(message[7:])
		_ = http.NewResponseController(w).Flush()
	}
	for _, word := range strings.Fields(ask.Text) {
		message := Message("event", "text", map[string]string{"text": word + " "})
		switch word {
		case "fail":
			send(Message("exception", "", map[string]string{"message": "there is no model"}))
			return
		case "damage":
			message[len(message)-5] ^= 1
		}
		send(message)
	}
	send(Message("event", "stop", map[string]string{}))
}

// Message is one of a type, and of a type of events where it is an event.
func Message(kind, event string, payload map[string]string) []byte {
	body, _ := json.Marshal(payload) // texts can be
	headers := header(nil, ":message-type", kind)
	if event != "" {
		headers = header(headers, ":event-type", event)
	}
	out := binary.BigEndian.AppendUint32(nil, uint32(12+len(headers)+len(body)+4))
	out = binary.BigEndian.AppendUint32(out, uint32(len(headers)))
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
	out = append(append(out, headers...), body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}

func header(b []byte, name, value string) []byte {
	b = append(append(b, byte(len(name))), name...)
	b = binary.BigEndian.AppendUint16(append(b, 7), uint16(len(value)))
	return append(b, value...)
}
