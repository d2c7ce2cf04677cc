package kernel_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapi"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/kernel/service/channel"
)

// health is how a server is.
type health string

const (
	well    health = ""
	dead    health = "dead"    // it breaks every connection off
	hanging health = "hanging" // it takes requests, and never answers
)

// patient is a server that can fall ill, with the requests that it is at.
type patient struct {
	http.Handler

	mu      sync.Mutex
	is      health
	changed chan struct{}
}

func (p *patient) become(h health) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.is = h
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *patient) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	is, changed := p.is, p.changed
	p.mu.Unlock()
	if is == well {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		answer, done := httptest.NewRecorder(), make(chan struct{})
		go func() {
			defer close(done)
			p.Handler.ServeHTTP(answer, r.WithContext(ctx))
		}()
		select {
		case <-done:
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
			return
		case <-changed:
			cancel()
			<-done
		}
		p.mu.Lock()
		is = p.is
		p.mu.Unlock()
	}
	if is == hanging {
		_, _ = io.Copy(io.Discard, r.Body) // the end of a client is seen behind the body only
		<-r.Context().Done()
	}
	panic(http.ErrAbortHandler)
}

// TestTelegramOutages: a server that does not answer is noticed soon, and soon found again, however long it was away and
// whatever the account was at when it went.
func TestTelegramOutages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		is            health
		lasts         time.Duration
		noticed, back time.Duration // at most
	}{
		{dead, 3 * time.Minute, 100 * time.Millisecond, 6 * time.Second},
		{dead, 20 * time.Minute, 100 * time.Millisecond, 6 * time.Second},
		{hanging, 3 * time.Minute, 21 * time.Second, 16 * time.Second},
	} {
		for _, phase := range []time.Duration{0, 4 * time.Second, 9 * time.Second} {
			t.Run(string(c.is)+" for "+c.lasts.String()+" after "+phase.String(), func(t *testing.T) {
				t.Parallel()
				options := []kerneltest.Option{kerneltest.Bundled(t, "../builtin-plugins", bundle), kerneltest.Compiled(t)}
				synctest.Test(t, func(t *testing.T) {
					bot := botapi.New(botapi.Config{})
					defer bot.Close()
					server := &patient{Handler: bot, changed: make(chan struct{})}
					network := &fieldtest.Network{}
					network.Serve(t, botAddress, server)
					l := kerneltest.Start(t, append(options, network.Option(), kerneltest.Config(t,
						`{"channels":{"telegram":{"accounts":{"default":{"dmPolicy":"open","config":{"apiRoot":"http://`+botAddress+`"}}}}}}`))...).Listen()
					setBotToken(l, bot)
					until := func(connected bool) time.Duration {
						began := time.Now()
						for range 3000 {
							var s channel.StatusResult
							l.MustCall("channels.status", map[string]any{}, &s)
							if accounts := s.ChannelAccounts["telegram"]; len(accounts) == 1 && accounts[0].Connected == connected {
								return time.Since(began)
							}
							time.Sleep(20 * time.Millisecond)
						}
						t.Fatalf("after a minute connected is not %t", connected)
						return 0
					}
					until(true)
					time.Sleep(30*time.Second + phase)
					server.become(c.is)
					noticed := until(false)
					time.Sleep(c.lasts - noticed)
					server.become(well)
					back := until(true)
					t.Logf("noticed after %v, back after %v", noticed, back)
					if noticed > c.noticed || back > c.back {
						t.Errorf("noticed after %v, at most %v; back after %v, at most %v", noticed, c.noticed, back, c.back)
					}
				})
			})
		}
	}
}
