package ntfytest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Message is one event of a topic ("JSON message format").
type Message struct {
	ID         string      `json:"id"`
	SequenceID string      `json:"sequence_id,omitempty"`
	Time       int64       `json:"time"`
	Expires    int64       `json:"expires,omitempty"`
	Event      string      `json:"event"`
	Topic      string      `json:"topic"`
	Title      string      `json:"title,omitempty"`
	Message    string      `json:"message,omitempty"`
	Priority   int         `json:"priority,omitempty"`
	Tags       []string    `json:"tags,omitempty"`
	Click      string      `json:"click,omitempty"`
	Actions    []Action    `json:"actions,omitempty"`
	Attachment *Attachment `json:"attachment,omitempty"`
	// ContentType is text/markdown for what is Markdown.
	ContentType string `json:"content_type,omitempty"`
	Encoding    string `json:"encoding,omitempty"`

	// At is when it was published.
	At time.Time `json:"-"`
}

// Action is a button ("Action buttons").
type Action struct {
	ID      string            `json:"id"`
	Action  string            `json:"action"`
	Label   string            `json:"label"`
	Clear   bool              `json:"clear"`
	URL     string            `json:"url,omitempty"`
	Method  string            `json:"method,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
}

// Attachment is a file ("Attachments"). One that lies elsewhere has a name and a URL.
type Attachment struct {
	Name    string `json:"name"`
	Type    string `json:"type,omitempty"`
	Size    int64  `json:"size,omitempty"`
	Expires int64  `json:"expires,omitempty"`
	URL     string `json:"url"`
}

// cacheFor is how long a server keeps what was published.
const cacheFor = 12 * time.Hour

// Publish publishes a message as an app or a script does, and returns its id. What is missing of it is filled in. A time
// that it has is when it was to be published.
func (s *Server) Publish(m Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.publish(m).ID
}

// publish keeps a message and tells it. The lock is held.
func (s *Server) publish(m Message) Message {
	s.count++
	m.At = s.cfg.Now()
	m.ID = fmt.Sprintf("m%011d", s.count)
	if m.Time == 0 {
		m.Time = m.At.Unix()
	}
	if m.Event == "" {
		m.Event = "message"
	}
	if s.cfg.Old {
		m.SequenceID = ""
	}
	m.Expires = m.At.Add(cacheFor).Unix()
	s.cache = append(s.cache, m)
	again := s.repeat > 0 && m.Event == "message"
	if again {
		s.repeat--
	}
	for l := range s.listeners {
		if l.passes(&m) {
			l.waiting = append(l.waiting, m)
			if again {
				l.waiting = append(l.waiting, m)
			}
		}
	}
	s.Raise()
	return m
}

// Deliver publishes a message that was given to the server long before, to be published now ("Scheduled delivery"): it has the first
// place in the cache, and its time is now.
func (s *Server) Deliver(m Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	m = s.publish(m)
	s.cache = append([]Message{m}, s.cache[:len(s.cache)-1]...)
	return m.ID
}

// Repeat has the next n messages told twice.
func (s *Server) Repeat(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repeat += n
}

// Published returns what was published to a topic so far, in order; of all topics for "".
func (s *Server) Published(topic string) (list []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.cache {
		if topic == "" || m.Topic == topic {
			list = append(list, m)
		}
	}
	return list
}

// File is what a message has for a file.
func (s *Server) File(m Message) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.Attachment == nil {
		return nil
	}
	return s.files[m.Attachment.URL[strings.LastIndexByte(m.Attachment.URL, '/')+1:]]
}

// Attach puts a file where messages can have it, as one of them does that is published with it.
func (s *Server) Attach(name, mime string, data []byte) *Attachment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attach(name, mime, data)
}

func (s *Server) attach(name, mime string, data []byte) *Attachment {
	s.count++
	id := "f" + strconv.Itoa(s.count)
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 && !strings.ContainsAny(name[dot:], "/ ") {
		id += name[dot:]
	}
	s.files[id] = data
	return &Attachment{Name: name, Type: mime, Size: int64(len(data)), Expires: s.cfg.Now().Add(3 * time.Hour).Unix(), URL: s.Root() + "/file/" + id}
}

// since returns what the cache has of topics: after a message that it knows, from a time on, the last one of each, or all ("Fetch
// cached messages"). The lock is held.
func (s *Server) since(topics []string, marker string) (list []Message, ok bool) {
	from, at := 0, int64(0)
	switch seconds, bad := strconv.ParseInt(marker, 10, 64); {
	case marker == "" || marker == "none":
		return nil, true
	case marker == "all" || marker == "latest":
	case bad == nil && len(marker) != 12:
		at = seconds
	case len(marker) == 12:
		from = slices.IndexFunc(s.cache, func(m Message) bool { return m.ID == marker }) + 1
	default:
		d, bad := time.ParseDuration(marker)
		if bad != nil {
			return nil, false
		}
		at = s.cfg.Now().Add(-d).Unix()
	}
	for _, m := range s.cache[from:] {
		if slices.Contains(topics, m.Topic) && m.Time >= at {
			list = append(list, m)
		}
	}
	if marker == "latest" && len(list) > 0 {
		list = list[len(list)-1:]
	}
	slices.SortStableFunc(list, func(a, b Message) int { return int(a.Time - b.Time) })
	return list, true
}
