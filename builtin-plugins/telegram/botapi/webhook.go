package botapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

// webhook is where updates are posted to; the url is empty without one.
type webhook struct {
	url       string
	secret    string
	max       int
	lastError string
	lastAt    int64
	stop      context.CancelFunc
}

var secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{0,256}$`)

func setWebhook(s *Server, _ *http.Request, p params) (any, error) {
	target, secret := p.text("url"), p.text("secret_token")
	if target == "" {
		return deleteWebhook(s, nil, p)
	}
	// The real service insists on https; a test server on loopback cannot.
	if u, err := url.Parse(target); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, badRequest("invalid webhook URL specified")
	}
	if !secretForm.MatchString(secret) {
		return nil, badRequest("secret token contains unallowed characters")
	}
	var allowed []string
	given, err := p.json("allowed_updates", &allowed)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if given {
		s.queue.allowed = allowed
	}
	if p.bool("drop_pending_updates") {
		s.queue.waiting = nil
	}
	s.endPoll(&apiError{Code: 409, Description: "Conflict: terminated by setWebhook request"})
	s.stopWebhook()
	ctx, stop := context.WithCancel(context.Background())
	s.webhook = webhook{url: target, secret: secret, max: int(p.int("max_connections", 40, 1, 100)), stop: stop}
	s.done.Go(func() { s.deliver(ctx, target, secret) })
	s.touch()
	return true, nil
}

func deleteWebhook(s *Server, _ *http.Request, p params) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.bool("drop_pending_updates") {
		s.queue.waiting = nil
	}
	s.stopWebhook()
	s.touch()
	return true, nil
}

func getWebhookInfo(s *Server, _ *http.Request, _ params) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return WebhookInfo{
		URL: s.webhook.url, PendingUpdateCount: len(s.queue.waiting), MaxConnections: s.webhook.max,
		AllowedUpdates: s.queue.allowed, LastErrorDate: s.webhook.lastAt, LastErrorMessage: s.webhook.lastError,
	}, nil
}

func (s *Server) stopWebhook() {
	if s.webhook.stop != nil {
		s.webhook.stop()
	}
	s.webhook = webhook{}
}

// deliver posts updates in order, each until it is accepted, until ctx ends.
func (s *Server) deliver(ctx context.Context, target, secret string) {
	delay := s.cfg.WebhookDelay
	for ctx.Err() == nil {
		s.mu.Lock()
		s.queue.expire(s.cfg.Retention)
		waiting, changed := len(s.queue.waiting) > 0, s.changed
		var head update
		if waiting {
			head = s.queue.waiting[0]
		}
		s.mu.Unlock()
		if !waiting {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		if problem := s.post(ctx, target, secret, head); problem != "" {
			s.webhookFailed(ctx, problem)
			select {
			case <-time.After(delay):
			case <-ctx.Done():
			}
			delay = min(delay*2, time.Minute)
			continue
		}
		delay = s.cfg.WebhookDelay
		s.mu.Lock()
		s.queue.confirm(head.id + 1)
		s.touch()
		s.mu.Unlock()
	}
}

func (s *Server) webhookFailed(ctx context.Context, problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() == nil {
		s.webhook.lastError, s.webhook.lastAt = problem, time.Now().Unix()
		s.touch()
	}
}

// post delivers one update and returns what went wrong, if anything did.
func (s *Server) post(ctx context.Context, target, secret string, u update) (problem string) {
	body, err := json.Marshal(u)
	if err != nil {
		return err.Error()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	if secret != "" {
		req.Header.Set("X-Telegram-Bot-Api-Secret-Token", secret)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return "Wrong response from the webhook: " + resp.Status
	}
	return ""
}
