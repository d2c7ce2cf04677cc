package signaltest

import (
	"fmt"
	"maps"
)

// Person is somebody who writes to the account. Without a number they hide it.
type Person struct{ Number, ACI, Name string }

// ID is the first part of the ids of what they write.
func (p Person) ID() string { return p.ACI }

// Meet makes somebody known to Signal.
func (s *Server) Meet(p Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meet(p)
}

func (s *Server) meet(p Person) {
	for _, id := range []string{p.Number, p.ACI} {
		if id != "" {
			s.people[id] = p
		}
	}
}

// Say has somebody write a text to the account, and returns the message's id.
func (s *Server) Say(from Person, text string) string {
	return s.Write(from, map[string]any{"message": text})
}

// Group has the account be in a group.
func (s *Server) Group(id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[id] = name
}

// SayIn has somebody write in a group.
func (s *Server) SayIn(group string, from Person, message map[string]any) string {
	message["groupInfo"] = map[string]any{"groupId": group, "groupName": "Crew", "revision": 1, "type": "DELIVER"}
	return s.Write(from, message)
}

// Write has somebody send a message, given as the fields of its dataMessage, and returns its id. Its time is filled in.
func (s *Server) Write(from Person, message map[string]any) string {
	return s.Envelope(from, func(time int64) map[string]any {
		data := map[string]any{"timestamp": time, "message": nil, "expiresInSeconds": 0, "viewOnce": false}
		maps.Copy(data, message)
		return map[string]any{"dataMessage": data}
	})
}

// Edit has somebody give a message a new text.
func (s *Server) Edit(from Person, target int64, text string) string {
	return s.Envelope(from, func(time int64) map[string]any {
		return map[string]any{"editMessage": map[string]any{"targetSentTimestamp": target, "dataMessage": map[string]any{"timestamp": time, "message": text}}}
	})
}

// Envelope has somebody send anything: what make returns beside who it is from, by its time.
func (s *Server) Envelope(from Person, make func(time int64) map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meet(from)
	time := s.time()
	envelope := map[string]any{
		"source": from.ACI, "sourceNumber": nil, "sourceUuid": from.ACI, "sourceName": from.Name, "sourceDevice": 1,
		"timestamp": time, "serverReceivedTimestamp": time, "serverDeliveredTimestamp": time,
	}
	if from.Number != "" {
		envelope["source"], envelope["sourceNumber"] = from.Number, from.Number
	}
	maps.Copy(envelope, make(time))
	id := fmt.Sprintf("%s:%d", from.ACI, time)
	s.post(id, envelope)
	return id
}

// Upload has the daemon keep a file that came with a message, and returns what the message says of it.
func (s *Server) Upload(id, mime, name string, data []byte) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[id] = data
	file := map[string]any{"contentType": mime, "filename": nil, "id": id, "size": len(data)}
	if name != "" {
		file["filename"] = name
	}
	return file
}

// Self is the account's owner on another device.
func (s *Server) Self() Person { return Person{Number: s.cfg.Account, ACI: s.cfg.ACI, Name: "Owner"} }

// HasRead reports whether somebody was told that a message was read.
func (s *Server) HasRead(who string, time int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read[fmt.Sprintf("%s:%d", who, time)]
}
