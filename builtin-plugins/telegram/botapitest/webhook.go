package botapitest

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
	max       int64
	lastError string
	lastAt    int64 // seconds since 1970
	stop      context.CancelFunc
}

// secretForm is what a secret_token looks like (setWebhook).
var secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{0,256}$`)

// setWebhook has updates posted to an address, in place of the poll that waits.
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
	u := s.Updates
	u.mu.Lock()
	defer u.mu.Unlock()
	u.allow(allowed, given)
	u.removeWebhook(p.bool("drop_pending_updates"))
	u.endPoll(errOtherWebhook)
	u.startWebhook(webhook{url: target, secret: secret, max: p.int("max_connections", 40, 1, 100)})
	return true, nil
}

// deleteWebhook goes back to polling. It succeeds without a webhook too.
func deleteWebhook(s *Server, _ *http.Request, p params) (any, error) {
	u := s.Updates
	u.mu.Lock()
	defer u.mu.Unlock()
	u.removeWebhook(p.bool("drop_pending_updates"))
	u.happened.Raise()
	return true, nil
}

// getWebhookInfo tells the address, and what went wrong there last.
func getWebhookInfo(s *Server, _ *http.Request, _ params) (any, error) {
	u := s.Updates
	u.mu.Lock()
	defer u.mu.Unlock()
	return WebhookInfo{
		URL: u.webhook.url, PendingUpdateCount: len(u.queue.waiting), MaxConnections: int(u.webhook.max),
		AllowedUpdates: u.queue.allowed, LastErrorDate: u.webhook.lastAt, LastErrorMessage: u.webhook.lastError,
	}, nil
}

// startWebhook begins to post updates. The lock is held.
func (u *Updates) startWebhook(w webhook) {
	var ctx context.Context
	ctx, w.stop = context.WithCancel(context.Background())
	u.webhook = w
	u.deliveries.Go(func() { u.deliver(ctx, w) })
	u.happened.Raise()
}

// removeWebhook ends the posting of updates, and with drop forgets those that wait. The lock is held.
func (u *Updates) removeWebhook(drop bool) {
	if drop {
		u.queue.waiting = nil
	}
	u.stopWebhook()
}

// stopWebhook ends the posting of updates. The lock is held.
func (u *Updates) stopWebhook() {
	if u.webhook.stop != nil {
		u.webhook.stop()
	}
	u.webhook = webhook{}
}

// deliver posts updates in order, each until it is accepted, until ctx ends.
func (u *Updates) deliver(ctx context.Context, w webhook) {
	delay := u.webhookDelay
	for ctx.Err() == nil {
		first, changed := u.first()
		if first == nil {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		problem := w.post(ctx, u.client, first)
		u.posted(ctx, first.id, problem)
		if problem == "" {
			delay = u.webhookDelay
			continue
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
		delay = min(delay*2, time.Minute)
	}
}

// first returns the update that is to be posted next, or, while there is none, what to wait for.
func (u *Updates) first() (first *update, changed <-chan struct{}) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.queue.expire(u.retention)
	if len(u.queue.waiting) == 0 {
		return nil, u.happened.Next()
	}
	next := u.queue.waiting[0]
	return &next, nil
}

// posted notes how the posting of an update ended: it is confirmed, or the problem is what getWebhookInfo
// tells, unless the webhook was replaced meanwhile.
func (u *Updates) posted(ctx context.Context, id int64, problem string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case problem == "":
		u.queue.confirm(id + 1)
	case ctx.Err() != nil:
		return
	default:
		u.webhook.lastError, u.webhook.lastAt = problem, time.Now().Unix()
	}
	u.happened.Raise()
}

// post delivers one update and returns what went wrong, if anything did.
func (w webhook) post(ctx context.Context, client *http.Client, u *update) (problem string) {
	body, err := json.Marshal(u)
	if err != nil {
		return err.Error()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", "application/json")
	if w.secret != "" {
		req.Header.Set("X-Telegram-Bot-Api-Secret-Token", w.secret)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return "Wrong response from the webhook: " + resp.Status
	}
	return ""
}
