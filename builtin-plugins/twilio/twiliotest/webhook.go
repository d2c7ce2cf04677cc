package twiliotest

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// hook is the number's webhook. Calls about one person are made one after the other.
type hook struct {
	public string // the address that calls are signed for
	at     string // where they are made, in its place
	client *http.Client
	people map[string]chan struct{} // closed when the last call about somebody was made
	lose   int                      // calls that are not made
	repeat int                      // calls that are made twice
	made   []Call
}

// Call is one of the webhook, and how it was answered; 0 is not.
type Call struct {
	URL    string
	Form   url.Values
	Status int
	Body   string
}

// Webhook sets the number's address (Phone number, "A message comes in"), which calls are signed for, and where they are made in its
// place: a proxy's address and what is behind it. Nil is the usual client.
func (s *Server) Webhook(public, at string, client *http.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook.public, s.hook.at = public, at
	if client != nil {
		s.hook.client = client
	}
}

// Repeat has the next n calls made twice.
func (s *Server) Repeat(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook.repeat += n
}

// Calls returns those of the webhook so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hook.made)
}

// tell calls the webhook about a message: that it came (Twilio's Request to your Webhook URL), or what has become of it ("Track the
// message status of outbound messages"). The lock is held.
func (s *Server) tell(m Message) {
	address, person := s.hook.public, m.From
	form := url.Values{"MessageSid": {m.SID}, "SmsSid": {m.SID}, "AccountSid": {s.cfg.AccountSID}, "From": {m.From}, "To": {m.To}, "ApiVersion": {"2010-04-01"}}
	if s.cfg.Service != "" {
		form.Set("MessagingServiceSid", s.cfg.Service)
	}
	if m.Direction == "inbound" {
		s.describe(form, &m)
	} else {
		address, person = m.callback, m.To
		form.Set("MessageStatus", m.Status)
		form.Set("SmsStatus", m.Status)
		if m.Code != 0 {
			form.Set("ErrorCode", strconv.Itoa(m.Code))
		}
	}
	if address == "" || s.Life.Err() != nil {
		return
	}
	if s.hook.lose > 0 && m.Direction == "inbound" {
		s.hook.lose--
		return
	}
	times := 1
	if s.hook.repeat > 0 {
		s.hook.repeat--
		times = 2
	}
	before, done := s.hook.people[person], make(chan struct{})
	s.hook.people[person] = done
	s.Go(func() {
		defer close(done)
		if before != nil {
			<-before
		}
		for range times {
			s.call(address, form)
		}
	})
}

// describe fills in what a message of somebody's says.
func (s *Server) describe(form url.Values, m *Message) {
	form.Set("Body", m.Body)
	form.Set("SmsStatus", "received")
	form.Set("SmsMessageSid", m.SID)
	form.Set("NumSegments", "1")
	form.Set("NumMedia", strconv.Itoa(len(m.Media)))
	form.Set("FromCountry", "US")
	for i, id := range m.Media {
		form.Set("MediaUrl"+strconv.Itoa(i), s.Root()+s.path("/Messages/"+m.SID+"/Media/"+id))
		form.Set("MediaContentType"+strconv.Itoa(i), s.files[id].mime)
	}
}

// call makes a call, once, with its signature for the public address.
func (s *Server) call(address string, form url.Values) {
	s.mu.Lock()
	public, at, client := s.hook.public, s.hook.at, s.hook.client
	s.mu.Unlock()
	to := at + strings.TrimPrefix(address, public)
	made := Call{URL: address, Form: form}
	if req, err := http.NewRequestWithContext(s.Life, http.MethodPost, to, strings.NewReader(form.Encode())); err == nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		req.Header.Set("X-Twilio-Signature", s.Sign(address, form))
		if res, err := client.Do(req); err == nil {
			body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<16))
			_ = res.Body.Close()
			made.Status, made.Body = res.StatusCode, string(body)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook.made = append(s.hook.made, made)
	s.Raise()
}

// Sign is the signature of a call ("Security", "Validating requests").
func (s *Server) Sign(address string, form url.Values) string {
	text := address
	for _, name := range slices.Sorted(maps.Keys(form)) {
		text += name + form.Get(name)
	}
	mac := hmac.New(sha1.New, []byte(s.cfg.AuthToken))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// later does something after a while, with the lock held.
func (s *Server) later(d time.Duration, do func()) {
	s.Go(func() {
		if s.Pause(d) {
			s.mu.Lock()
			defer s.mu.Unlock()
			do()
		}
	})
}
