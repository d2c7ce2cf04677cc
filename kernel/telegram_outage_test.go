package kernel_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
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

	unauthorized health = "Unauthorized" // it knows no such token
	unfound      health = "Not Found"    // it knows no such bot
)

// refusals are the statuses with which a server says what it is.
func (h health) refusal() int {
	return map[health]int{unauthorized: http.StatusUnauthorized, unfound: http.StatusNotFound}[h]
}

// patient is a server that can fall ill, with the requests that it is at.
type patient struct {
	http.Handler

	mu      sync.Mutex
	is      health
	refused int // requests
	changed chan struct{}
}

// refusals is how many requests were refused so far.
func (p *patient) refusals() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused
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
	if status := is.refusal(); status != 0 {
		p.mu.Lock()
		p.refused++
		p.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"ok":false,"error_code":%d,"description":%q}`, status, is)
		return
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
				options := []kerneltest.Option{kerneltest.Bundled(t, "../builtin-plugins"), kerneltest.Compiled(t)}
				synctest.Test(t, func(t *testing.T) {
					bot := botapitest.New(botapitest.Config{})
					defer bot.Close()
					server, _, l := withPatient(t, bot, options)
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

// withPatient starts a gateway whose Telegram is bot, as well as the returned server is.
func withPatient(t *testing.T, bot *botapitest.Server, options []kerneltest.Option) (*patient, *kerneltest.Kernel, *kerneltest.Listener) {
	t.Helper()
	server := &patient{Handler: bot, changed: make(chan struct{})}
	network := &fieldtest.Network{}
	network.Serve(t, botAddress, server)
	k := kerneltest.Start(t, append(options, network.Option(), kerneltest.Config(t,
		`{"channels":{"telegram":{"accounts":{"default":{"dmPolicy":"open","config":{"apiRoot":"http://`+botAddress+`"}}}}}}`))...)
	l := k.Listen()
	setBotToken(l, bot)
	return server, k, l
}

// TestTelegramRefusesForAWhile: a server that refuses the token, or knows the bot no more, is asked again slowly, the owner
// reads of it in the log and in the metrics, and once it knows the bot again nobody has to set anything up.
func TestTelegramRefusesForAWhile(t *testing.T) {
	t.Parallel()
	for _, refusing := range []health{unauthorized, unfound} {
		t.Run(string(refusing), func(t *testing.T) {
			t.Parallel()
			options := []kerneltest.Option{kerneltest.Bundled(t, "../builtin-plugins"), kerneltest.Compiled(t)}
			synctest.Test(t, func(t *testing.T) {
				bot := botapitest.New(botapitest.Config{})
				defer bot.Close()
				server, k, l := withPatient(t, bot, options)
				status := func() channel.AccountStatus {
					var s channel.StatusResult
					l.MustCall("channels.status", map[string]any{}, &s)
					return s.ChannelAccounts["telegram"][0]
				}
				until := func(connected bool, most time.Duration) {
					t.Helper()
					for began := time.Now(); status().Connected != connected; time.Sleep(time.Second) {
						if time.Since(began) > most {
							t.Fatalf("after %v connected is not %t: %+v", most, connected, status())
						}
					}
				}
				until(true, time.Minute)
				server.become(refusing)
				until(false, time.Minute)
				time.Sleep(30 * time.Minute)
				n := server.refusals()
				t.Logf("%d requests in half an hour", n)
				if n < 5 || n > 20 {
					t.Errorf("%d requests in half an hour", n)
				}
				if log := strings.Join(k.Logged(), "\n"); !strings.Contains(log, "channel not connected any more") || !strings.Contains(log, "does not know this bot token") {
					t.Errorf("the log says %s", log)
				}
				if text := metrics(t, k); !strings.Contains(text, `carapace_channel_connected{account="default",channel="telegram"} 0`) {
					t.Errorf("the metrics do not count it: %s", text)
				}
				server.become(well)
				until(true, 6*time.Minute)
				if text := metrics(t, k); !strings.Contains(text, `carapace_channel_connected{account="default",channel="telegram"} 1`) {
					t.Errorf("the metrics do not count that it is back: %s", text)
				}
			})
		})
	}
}

// metrics are those of the channels.
func metrics(t *testing.T, k *kerneltest.Kernel) string {
	t.Helper()
	_, body := k.Exchange("GET", "/metrics", nil)
	var lines []string
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "carapace_channel") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}
