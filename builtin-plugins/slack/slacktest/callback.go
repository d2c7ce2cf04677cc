package slacktest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Subscribe has events posted to an address from now on, once that has answered the challenge ("url_verification event"),
// and not sent over websockets any more.
func (s *Server) Subscribe(ctx context.Context, url string) error {
	challenge := "challenge-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	body, _ := json.Marshal(answer{"token": "unused", "challenge": challenge, "type": "url_verification"})
	status, text, err := s.call(ctx, url, "application/json", body, nil)
	if err != nil {
		return err
	}
	if status != 200 || text != challenge {
		return fmt.Errorf("the challenge was answered with %d, %.100q", status, text)
	}
	s.mu.Lock()
	began := s.post.calling
	s.post.callback, s.post.calling = url, true
	s.mu.Unlock()
	s.Raise()
	if !began {
		s.Go(s.postAll)
	}
	return nil
}

// postAll posts what waits, one after the other, each again until it is answered well.
func (s *Server) postAll() {
	for s.Life.Err() == nil {
		changed := s.Next()
		s.mu.Lock()
		var l *letter
		if len(s.post.waiting) > 0 && s.post.callback != "" {
			l = s.post.waiting[0]
			l.tells()
		}
		url := s.post.callback
		s.mu.Unlock()
		if l == nil {
			select {
			case <-changed:
			case <-s.Life.Done():
			}
			continue
		}
		if s.postOne(url, l) {
			continue
		}
		select {
		case <-time.After(s.cfg.RetryDelay):
		case <-s.Life.Done():
		}
	}
}

// postOne makes one call, and reports whether it was answered well ("Events API", Error handling).
func (s *Server) postOne(url string, l *letter) bool {
	kind := "application/json"
	body, _ := json.Marshal(l.payload)
	if l.kind != "events_api" {
		kind, body = "application/x-www-form-urlencoded", []byte(formOf(l.kind, l.payload).Encode())
	}
	header := http.Header{}
	if l.attempt > 0 {
		header.Set("X-Slack-Retry-Num", strconv.Itoa(l.attempt))
		header.Set("X-Slack-Retry-Reason", l.reason)
	}
	fault := s.fault("callback", nil) // a call that is lost, or whose answer is
	status, err := 0, error(nil)
	if fault == nil || fault.CutAfter {
		status, _, err = s.call(s.Life, url, kind, body, header)
	}
	ok := err == nil && status >= 200 && status < 300 && fault == nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.attempt > 0 {
		s.post.repeated++
	}
	for i, waiting := range s.post.waiting {
		if ok && waiting == l {
			s.post.done(i)
			break
		}
	}
	if !ok {
		l.again("http_error")
	}
	s.Raise()
	return ok
}

// callTimeout is how long Slack waits for an answer.
const callTimeout = 3 * time.Second

// call posts a body, signed ("Verifying requests from Slack").
func (s *Server) call(ctx context.Context, url, kind string, body []byte, header http.Header) (status int, text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*callTimeout) // a loaded machine is slower than Slack allows
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if header != nil {
		r.Header = header
	}
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("X-Slack-Request-Timestamp", stamp)
	r.Header.Set("X-Slack-Signature", Sign(s.cfg.SigningSecret, stamp, body))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, string(b), err
}

// Sign is the signature of a body at a time, in seconds since 1970.
func Sign(secret, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "v0:%s:%s", stamp, body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}
