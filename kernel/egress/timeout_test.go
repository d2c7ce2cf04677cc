package egress_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTimeouts: an answer is waited for as long as the request says, within a bound, or as long as is usual.
func TestTimeouts(t *testing.T) {
	for asked, want := range map[int64]struct{ do, stream time.Duration }{
		0:                   {30 * time.Second, 40 * time.Second},
		20:                  {20 * time.Millisecond, 20 * time.Millisecond},
		59_999:              {59_999 * time.Millisecond, 59_999 * time.Millisecond},
		61_000:              {time.Minute, time.Minute},
		10_000_000_000_000:  {time.Minute, time.Minute}, // more nanoseconds than there are
		math.MaxInt64/2 + 1: {time.Minute, time.Minute},
		math.MaxInt64:       {time.Minute, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t)
			url := n.serve(func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() })
			c, p := n.home(url, egress.Limits{Timeout: 30 * time.Second, Head: 40 * time.Second, MaxTimeout: time.Minute})
			req := &wit.HTTPRequest{URL: url, Timeout: asked}
			start := time.Now()
			_, err := c.Do(t.Context(), p, nil, req)
			wantCode(t, err, wit.CodeTimeout)
			if took := time.Since(start); took != want.do {
				t.Errorf("a request that asks for %d ms waits %v", asked, took)
			}
			start = time.Now()
			_, err = c.Stream(t.Context(), p, nil, req)
			wantCode(t, err, wit.CodeTimeout)
			if took := time.Since(start); took != want.stream {
				t.Errorf("a stream that asks for %d ms waits %v", asked, took)
			}
		})
	}
}

// TestUsualTimeouts are the contract's, and those of a stream.
func TestUsualTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		url := n.serve(func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path == "/begun" {
				_, _ = io.WriteString(w, "x")
				w.(http.Flusher).Flush()
			}
			<-q.Context().Done()
		})
		c, p := n.home(url, egress.Limits{})
		for _, tt := range []struct {
			path   string
			asked  int64
			stream bool
			want   time.Duration
		}{
			{"/", 0, false, wit.HTTPRequestTimeoutDefault * time.Millisecond},
			{"/", math.MaxInt64, false, wit.HTTPRequestTimeoutCut * time.Millisecond},
			{"/", 0, true, 2 * time.Minute},
			{"/begun", 0, true, 2 * time.Minute},
		} {
			start := time.Now()
			req := &wit.HTTPRequest{URL: url + tt.path, Timeout: tt.asked}
			var err error
			if tt.stream {
				var res *egress.Response
				if res, err = c.Stream(t.Context(), p, nil, req); err == nil {
					_, err = io.ReadAll(res.Body)
					_ = res.Body.Close()
				}
			} else {
				_, err = c.Do(t.Context(), p, nil, req)
			}
			wantCode(t, err, wit.CodeTimeout)
			if took := time.Since(start); took != tt.want {
				t.Errorf("%+v: after %v", tt, took)
			}
		}
	})
}

// TestSilenceInAStream: a server may send its head at the last moment and then think for as long again; after its first
// byte the usual silence ends the stream.
func TestSilenceInAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		url := n.serve(func(w http.ResponseWriter, q *http.Request) {
			for n, wait := range []time.Duration{59, 59, 9} {
				time.Sleep(wait * time.Second)
				_, _ = io.WriteString(w, "xx"[:min(n, 1)])
				w.(http.Flusher).Flush()
			}
			<-q.Context().Done()
		})
		c, p := n.home(url, egress.Limits{Idle: 10 * time.Second})
		start := time.Now()
		res, err := c.Stream(t.Context(), p, nil, &wit.HTTPRequest{URL: url, Timeout: 60_000})
		if err != nil || time.Since(start) != 59*time.Second {
			t.Fatalf("the head after %v, %v", time.Since(start), err)
		}
		got, err := io.ReadAll(res.Body)
		wantCode(t, err, wit.CodeTimeout)
		if took := time.Since(start); string(got) != "xx" || took != (59+59+9+10)*time.Second {
			t.Errorf("%q after %v", got, took)
		}
		_ = res.Body.Close()
		_ = res.Body.Close() // it may come twice
	})
}

// TestGivenUp: what its caller gives up is not late.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		url := n.serve(func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() })
		c, p := n.home(url, egress.Limits{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		for range 2 { // once it waits, once it begins
			_, err := c.Do(ctx, p, nil, &wit.HTTPRequest{URL: url})
			wantCode(t, err, wit.CodeUnavailable)
			if !strings.Contains(err.Error(), "was cancelled") {
				t.Error(err)
			}
		}
		_, err := c.Stream(ctx, p, nil, &wit.HTTPRequest{URL: url})
		wantCode(t, err, wit.CodeUnavailable)
	})
}

// TestAClosedStream is hung up.
func TestAClosedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		hungUp := make(chan struct{})
		url := n.serve(func(w http.ResponseWriter, q *http.Request) {
			w.(http.Flusher).Flush()
			<-q.Context().Done()
			close(hungUp)
		})
		c, p := n.home(url, egress.Limits{})
		res, err := c.Stream(t.Context(), p, nil, &wit.HTTPRequest{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		<-hungUp
	})
}

// TestKindsOfFailure: what took too long may be another time, and the rest says what it is.
func TestKindsOfFailure(t *testing.T) {
	for name, tt := range map[string]struct {
		dial func(context.Context, net.Conn) (net.Conn, error)
		want wit.Code
		says string
		took time.Duration
	}{
		"refused": {func(context.Context, net.Conn) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		}, wit.CodeUnavailable, "cannot be reached", 0},
		"not before the end of the request": {func(ctx context.Context, _ net.Conn) (net.Conn, error) {
			<-ctx.Done()
			return nil, errors.New("no route")
		}, wit.CodeTimeout, "in time", 20 * time.Second},
		"no handshake": {func(_ context.Context, c net.Conn) (net.Conn, error) { return c, nil }, wit.CodeTimeout, "in time", 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t)
			near, far := net.Pipe()
			defer far.Close()
			go func() { _, _ = io.Copy(io.Discard, far) }()
			_, p := n.home("https://10.0.0.1", egress.Limits{})
			c := egress.New(egress.Config{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return tt.dial(ctx, near) }})
			defer c.Close()
			start := time.Now()
			_, err := c.Do(t.Context(), p, nil, &wit.HTTPRequest{URL: "https://10.0.0.1", Timeout: 20_000})
			if took := time.Since(start); wit.CodeOf(err) != tt.want || !strings.Contains(err.Error(), tt.says) || took != tt.took {
				t.Errorf("%s: %v after %v", name, err, took)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		addr := n.talk(func(c net.Conn) {
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
		})
		c, p := n.home("http://"+addr, egress.Limits{})
		_, err := c.Do(t.Context(), p, nil, &wit.HTTPRequest{URL: "http://" + addr})
		if wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "broke off") {
			t.Error(err)
		}
	})
}
