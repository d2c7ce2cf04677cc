package ntfytest

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxMessage is how long a text may be, in bytes; a longer one becomes a file ("Limitations").
const maxMessage = 4096

// change answers what publishes, changes, clears or takes back a message.
func (s *Server) change(w http.ResponseWriter, r *http.Request, parts []string) *apiError {
	m := Message{Topic: parts[0]}
	switch {
	case len(parts) == 1 && (r.Method == http.MethodPost || r.Method == http.MethodPut):
		return s.publishText(w, r, m)
	case s.cfg.Old || !topicName.MatchString(parts[min(1, len(parts)-1)]):
		return notFound
	case len(parts) == 2 && (r.Method == http.MethodPost || r.Method == http.MethodPut):
		m.SequenceID = parts[1]
		return s.publishText(w, r, m)
	case len(parts) == 2 && r.Method == http.MethodDelete:
		m.Event = "message_delete"
	case len(parts) == 3 && parts[2] == "clear" && r.Method == http.MethodPut:
		m.Event = "message_clear"
	default:
		return notFound
	}
	m.SequenceID = parts[1]
	s.tell(w, m)
	return nil
}

// tell publishes a message and answers with it.
func (s *Server) tell(w http.ResponseWriter, m Message) {
	s.mu.Lock()
	m = s.publish(m)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(m)
}

// publishText publishes what a request's body has, a text or a file, with the parameters of its headers and its query.
func (s *Server) publishText(w http.ResponseWriter, r *http.Request, m Message) *apiError {
	get := params(r)
	if id := get("sequence-id", "sid"); id != "" && m.SequenceID == "" {
		m.SequenceID = id
	}
	m.Title, m.Click = get("title", "t"), get("click")
	m.Message = strings.ReplaceAll(get("message", "m"), `\n`, "\n")
	if tags := get("tags", "tag", "ta"); tags != "" {
		m.Tags = strings.Split(tags, ",")
	}
	if isTrue(get("markdown", "md")) || strings.EqualFold(r.Header.Get("Content-Type"), "text/markdown") {
		m.ContentType = "text/markdown"
	}
	if p := get("priority", "prio", "p"); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > 5 {
			return &apiError{400, 40007, "invalid priority parameter"}
		}
		m.Priority = n
	}
	if err := m.parseActions(get("actions", "action")); err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, int64(s.cfg.MaxFile)+1))
	if err != nil {
		return &apiError{400, 40000, "invalid request"}
	}
	if e := s.body(&m, data, get("filename", "file", "f"), get("attach", "a"), r.Header.Get("Content-Type")); e != nil {
		return e
	}
	if m.Message == "" {
		m.Message = "triggered"
	}
	s.tell(w, m)
	return nil
}

// body takes a body: as a text, or where that is too long, is none, or has a name, as a file ("Attachments").
func (s *Server) body(m *Message, data []byte, name, attach, mime string) *apiError {
	switch {
	case attach != "":
		if name == "" {
			name = attach[strings.LastIndexByte(attach, '/')+1:]
		}
		m.Attachment = &Attachment{Name: name, URL: attach}
		m.Message = strings.TrimSpace(string(data))
	case name == "" && len(data) <= maxMessage && utf8.Valid(data):
		if text := strings.TrimSpace(string(data)); text != "" {
			m.Message = text
		}
		return nil
	case s.cfg.NoFiles:
		return &apiError{400, 40014, "invalid request: attachments not allowed"}
	case len(data) > s.cfg.MaxFile:
		return &apiError{413, 41301, "attachment too large, or bandwidth limit reached"}
	default:
		if name == "" {
			name = "attachment.txt"
		}
		if mime == "" || name == "attachment.txt" {
			mime = http.DetectContentType(data)
		}
		s.mu.Lock()
		m.Attachment = s.attach(name, mime, data)
		s.mu.Unlock()
	}
	if m.Message == "" {
		m.Message = "You received a file: " + m.Attachment.Name
	}
	return nil
}

// maxActions is how many buttons a message can have ("Action buttons").
const maxActions = 3

// parseActions reads buttons: as JSON, or in the short form (`view, label, url, clear=true; …`).
func (m *Message) parseActions(text string) *apiError {
	if text == "" {
		return nil
	}
	invalid := &apiError{400, 40018, "invalid request: actions invalid"}
	if !strings.HasPrefix(text, "[") {
		m.Actions = shortActions(text)
	} else if json.Unmarshal([]byte(text), &m.Actions) != nil {
		return invalid
	}
	if len(m.Actions) > maxActions {
		return invalid
	}
	for i := range m.Actions {
		a := &m.Actions[i]
		a.ID = "a" + strconv.Itoa(i)
		if a.Label == "" || a.Action != "http" && a.Action != "view" && a.Action != "broadcast" || a.Action != "broadcast" && a.URL == "" {
			return invalid
		}
	}
	return nil
}

// shortActions reads the short form, without quotes.
func shortActions(text string) (list []Action) {
	for item := range strings.SplitSeq(text, ";") {
		var a Action
		for i, value := range strings.Split(item, ",") {
			value = strings.TrimSpace(value)
			name, rest, named := strings.Cut(value, "=")
			switch {
			case i == 0:
				a.Action = value
			case i == 1:
				a.Label = value
			case i == 2:
				a.URL = value
			case named && name == "method":
				a.Method = rest
			case named && name == "body":
				a.Body = rest
			case named && name == "clear":
				a.Clear = isTrue(rest)
			}
		}
		list = append(list, a)
	}
	return list
}

// publishJSON publishes a message that is given as JSON ("Publish as JSON").
func (s *Server) publishJSON(w http.ResponseWriter, r *http.Request) *apiError {
	var in struct {
		Topic, Title, Message, Click, Attach, Filename string
		Priority                                       int
		Tags                                           []string
		Actions                                        json.RawMessage
		Markdown                                       bool
		SequenceID                                     string `json:"sequence_id"`
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, 2*maxMessage+1))
	switch {
	case err != nil || json.Unmarshal(data, &in) != nil:
		return &apiError{400, 40017, "invalid request: request body must be message JSON"}
	case len(data) > 2*maxMessage:
		return &apiError{413, 41303, "JSON body too large"}
	case !topicName.MatchString(in.Topic):
		return &apiError{400, 40009, "invalid request: topic invalid"}
	}
	if err := s.authorize(r, []string{in.Topic}, true); err != nil {
		return err
	}
	m := Message{Topic: in.Topic, Title: in.Title, Click: in.Click, Tags: in.Tags, Priority: in.Priority, SequenceID: in.SequenceID}
	if in.Markdown {
		m.ContentType = "text/markdown"
	}
	if err := m.parseActions(string(in.Actions)); err != nil {
		return err
	}
	if err := s.body(&m, []byte(in.Message), in.Filename, in.Attach, ""); err != nil {
		return err
	}
	if m.Message == "" {
		m.Message = "triggered"
	}
	s.tell(w, m)
	return nil
}

// Tap makes the request of a button, as a phone does: without a login.
func (s *Server) Tap(m Message, label string) (status int) {
	for _, a := range m.Actions {
		if a.Label != label {
			continue
		}
		req, err := http.NewRequestWithContext(s.Life, a.Method, a.URL, strings.NewReader(a.Body))
		if err != nil {
			return 0
		}
		for name, value := range a.Headers {
			req.Header.Set(name, value)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	return 0
}
