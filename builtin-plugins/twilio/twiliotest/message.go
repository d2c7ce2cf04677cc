package twiliotest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Message is one of the account's (Message resource).
type Message struct {
	SID, From, To, Body, Status, Direction string
	Media                                  []string // addresses of what the account sends, SIDs of what people have sent
	Code                                   int      // why it was not delivered
	At                                     time.Time
	callback                               string
}

// Messages returns all so far, the first one first.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Sent are those of the account's.
func (s *Server) Sent() (list []Message) {
	for _, m := range s.Messages() {
		if m.Direction == "outbound-api" {
			list = append(list, m)
		}
	}
	return list
}

// sid is an id that was not given out yet.
func (s *Server) sid(kind string) string {
	s.count++
	return kind + fmt.Sprintf("%032x", s.count)
}

// Say has somebody send a text to the number, with files of the media types that are named, and returns the message's SID.
func (s *Server) Say(from, text string, files ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := Message{SID: s.sid("SM"), From: from, To: s.cfg.Number, Body: text, Status: "received", Direction: "inbound", At: s.cfg.Now()}
	for _, mime := range files {
		id := s.sid("ME")
		s.files[id] = file{[]byte("the bytes of " + mime), mime}
		m.Media = append(m.Media, id)
	}
	switch strings.ToUpper(strings.TrimSpace(text)) {
	case "STOP":
		s.stopped[from] = true
	case "START":
		delete(s.stopped, from)
	}
	s.messages = append(s.messages, m)
	s.Raise()
	s.tell(m)
	return m.SID
}

// Missed is Say whose call of the webhook fails.
func (s *Server) Missed(from, text string, files ...string) string {
	s.mu.Lock()
	s.hook.lose++
	s.mu.Unlock()
	return s.Say(from, text, files...)
}

// Undeliver has messages to a number fail with a code from now on, once they were taken; 0 delivers them again.
func (s *Server) Undeliver(number string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fate[number] = code
}

// create makes a message ("Create a Message").
func (s *Server) create(form url.Values) (map[string]any, *apiError) {
	from, to, body := form.Get("From"), form.Get("To"), form.Get("Body")
	if service := form.Get("MessagingServiceSid"); service != "" && service == s.cfg.Service {
		from = s.cfg.Number
	}
	switch {
	case to == "":
		return nil, &apiError{400, 21604, "A 'To' phone number is required."}
	case !strings.HasPrefix(to, "+") || len(to) < 8 || strings.Trim(to[1:], "0123456789") != "":
		return nil, &apiError{400, 21211, "Invalid 'To' Phone Number: " + to}
	case from != s.cfg.Number:
		return nil, &apiError{400, 21606, "The 'From' phone number provided is not a valid message-capable Twilio phone number."}
	case body == "" && len(form["MediaUrl"]) == 0:
		return nil, &apiError{400, 21619, "A text message body or media urls must be specified."}
	case utf8.RuneCountInString(body) > 1600:
		return nil, &apiError{400, 21617, "The concatenated message body exceeds the 1600 character limit."}
	case s.stopped[to]:
		return nil, &apiError{400, 21610, "Attempt to send to unsubscribed recipient"}
	}
	m := Message{SID: s.sid("SM"), From: from, To: to, Body: body, Status: "queued", Direction: "outbound-api", Media: form["MediaUrl"], At: s.cfg.Now(), callback: form.Get("StatusCallback")}
	s.messages = append(s.messages, m)
	at := len(s.messages) - 1
	code := s.fate[to]
	s.later(s.cfg.StatusDelay, func() {
		s.become(at, "sent", 0)
		if code != 0 {
			s.become(at, "undelivered", code)
			return
		}
		s.become(at, "delivered", 0)
	})
	return s.resource(&m), nil
}

// become changes a message's status, and tells of it. The lock is held.
func (s *Server) become(at int, status string, code int) {
	m := &s.messages[at]
	m.Status, m.Code = status, code
	if status == "sent" && s.fate[m.To] != 0 {
		return // the failure comes alone, so that nothing confirms it
	}
	s.tell(*m)
	s.Raise()
}

// resource is a message as the API has it.
func (s *Server) resource(m *Message) map[string]any {
	date := m.At.UTC().Format(time.RFC1123Z)
	v := map[string]any{
		"sid": m.SID, "account_sid": s.cfg.AccountSID, "api_version": "2010-04-01", "from": m.From, "to": m.To, "body": m.Body,
		"status": m.Status, "direction": m.Direction, "num_media": strconv.Itoa(len(m.Media)), "num_segments": "1",
		"date_created": date, "date_updated": date, "date_sent": nil, "error_code": nil, "error_message": nil,
		"messaging_service_sid": nil, "price": nil, "price_unit": "USD", "uri": s.path("/Messages/" + m.SID + ".json"),
		"subresource_uris": map[string]any{"media": s.path("/Messages/" + m.SID + "/Media.json")},
	}
	if m.Status != "queued" {
		v["date_sent"] = date
	}
	if m.Code != 0 {
		v["error_code"] = m.Code
	}
	if s.cfg.Service != "" {
		v["messaging_service_sid"] = s.cfg.Service
	}
	return v
}

func (s *Server) path(rest string) string {
	return "/2010-04-01/Accounts/" + s.cfg.AccountSID + rest
}

// list answers with a page of messages, the last one first ("List all Message resources").
func (s *Server) list(query url.Values) map[string]any {
	size, _ := strconv.Atoi(query.Get("PageSize"))
	page, _ := strconv.Atoi(query.Get("Page"))
	size = min(max(size, 1), 1000)
	if query.Get("PageSize") == "" {
		size = 50
	}
	var all []any
	for i := len(s.messages) - 1; i >= 0; i-- {
		m := &s.messages[i]
		if to := query.Get("To"); to != "" && m.To != to {
			continue
		}
		if from := query.Get("From"); from != "" && m.From != from {
			continue
		}
		all = append(all, s.resource(m))
	}
	uri := func(page int) string {
		q := url.Values{}
		for name := range query {
			q.Set(name, query.Get(name))
		}
		q.Set("PageSize", strconv.Itoa(size))
		q.Set("Page", strconv.Itoa(page))
		return s.path("/Messages.json?" + q.Encode())
	}
	v := map[string]any{
		"messages": append([]any{}, all[min(page*size, len(all)):min((page+1)*size, len(all))]...), "page": page, "page_size": size, "start": page * size,
		"uri": uri(page), "first_page_uri": uri(0), "next_page_uri": nil, "previous_page_uri": nil,
	}
	if (page+1)*size < len(all) {
		v["next_page_uri"] = uri(page + 1)
	}
	if page > 0 {
		v["previous_page_uri"] = uri(page - 1)
	}
	return v
}
