package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// socket is a pipe that takes what is written before it is read, as connections do.
type socket struct {
	mu     sync.Mutex
	more   sync.Cond
	buffer bytes.Buffer
	reads  int
	err    error // after what is in the buffer
}

func newSocket() *socket {
	s := &socket{}
	s.more.L = &s.mu
	return s
}

func (s *socket) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.buffer.Len() == 0 && s.err == nil {
		s.more.Wait()
	}
	if s.reads++; s.buffer.Len() > 0 {
		return s.buffer.Read(p)
	}
	return 0, s.err
}

func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.more.Broadcast()
	if s.err != nil {
		return 0, s.err
	}
	return s.buffer.Write(p)
}

func (s *socket) Close() error { return s.CloseWithError(io.EOF) }

func (s *socket) CloseWithError(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.more.Broadcast()
	return nil
}

// codec is a provider that notes the calls it gets, each as the kinds and data of its events. An event
// "stop" is the model's end.
type codec struct {
	body  io.ReadCloser
	calls []string
	work  time.Duration // of one call
}

func (c *codec) Request(context.Context, *wit.Chat) (*wit.ProviderPlan, error) {
	return &wit.ProviderPlan{Request: &wit.HTTPRequest{URL: "x"}, Framing: wit.FramingNDJSON}, nil
}

func (c *codec) Chunk(ctx context.Context, ch *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	if err := ch.Validate(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	a := &wit.ProviderAnswer{}
	var seen []string
	for _, e := range ch.Events {
		switch text := e.Data; {
		case e.Kind != wit.StreamEventKindData:
			seen = append(seen, string(e.Kind))
		case text == "stop":
			seen = append(seen, text)
			a.Stop = new(wit.StopReasonEnd)
		default:
			seen = append(seen, text)
			a.Deltas = append(a.Deltas, wit.Delta{Text: text})
		}
		if e.Error != nil {
			seen = append(seen, string(e.Error.Code))
		}
	}
	c.calls = append(c.calls, strings.Join(seen, " "))
	time.Sleep(c.work)
	return a, nil
}

func (*codec) Models(context.Context, *wit.ModelsQuery) (*wit.ModelsAnswer, error) { return nil, nil }
func (*codec) Embeddings(context.Context, *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
	return nil, nil
}
func (*codec) Do(context.Context, *wit.HTTPRequest) (*wit.HTTPResponse, error) { return nil, nil }

func (c *codec) Stream(context.Context, *wit.HTTPRequest) (*egress.Response, error) {
	return &egress.Response{Status: 200, Headers: []wit.Header{{Name: "a", Value: "b"}}, Body: c.body}, nil
}

// toBeat waits for a moment at which pauses end.
func toBeat() { time.Sleep(pause - time.Duration(time.Now().UnixNano())%pause) }

// TestStreamsPauseTogether: what streams say that began at different times comes at the same moments after their first words.
func TestStreamsPauseTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		toBeat()
		began, told := time.Now(), make([]string, 4)
		var wg sync.WaitGroup
		for n := range told {
			wg.Go(func() {
				time.Sleep(time.Duration(n) * 7 * time.Millisecond)
				body := newSocket()
				go func() {
					for range 20 {
						_, _ = io.WriteString(body, "a\n")
						time.Sleep(5 * time.Millisecond)
					}
					_, _ = io.WriteString(body, "stop\n")
					_ = body.Close()
				}()
				first := true
				_, err := request(t.Context(), &codec{body: body}, &wit.Chat{}, func(wit.Delta) {
					if at := time.Since(began) - linger; !first && at%pause == 0 {
						told[n] += fmt.Sprint(int(at/pause), " ")
					}
					first = false
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for n, at := range told {
			if beats := strings.Fields(at); len(slices.Compact(beats)) < 2 {
				t.Errorf("stream %d spoke at beats %v", n, beats)
			}
		}
	})
}

// TestBeat: a pause ends at a moment that all have in common, and is not much shorter or longer than it should be.
func TestBeat(t *testing.T) {
	for n := range 2 * int(pause/time.Microsecond) {
		now := time.Unix(1_796_000_000, 0).Add(time.Duration(n) * time.Microsecond)
		end := beat(now)
		if took := end.Sub(now); end.UnixNano()%int64(pause) != 0 || took < pause/2 || took >= pause+pause/2 {
			t.Fatalf("a pause of %v ends %v after a beat", took, time.Duration(end.UnixNano())%pause)
		}
	}
}

// TestBatches: what arrives together is one call, what arrives alone is not waited with, and the end goes
// with what came before it.
func TestBatches(t *testing.T) {
	for name, c := range map[string]struct {
		work time.Duration
		gap  time.Duration
		send []string
		want []string
	}{
		"all at once":   {0, 0, []string{"a\nb\nstop\n"}, []string{"head a b stop end"}},
		"one by one":    {0, time.Second, []string{"a\n", "b\n", "stop\n"}, []string{"head a", "b", "stop", "end"}},
		"a slow plugin": {3500 * time.Millisecond, time.Second, []string{"a\n", "b\n", "c\n", "d\n", "e\n", "stop\n"}, []string{"head a", "b c d", "e stop end"}},
		"in bursts":     {0, time.Second, []string{"a\nb\n", "c\nd\nstop\n"}, []string{"head a b", "c d stop", "end"}},
		"half a line":   {0, time.Second, []string{"a\nb", "b\nstop\n"}, []string{"head a", "bb stop", "end"}},
		"nothing":       {0, 0, nil, []string{"head end"}},
		// The first words are out at once, what follows is gathered, and the end of the body ends the pause.
		"quickly": {0, 2 * time.Millisecond, []string{"a\n", "b\n", "c\n", "d\n", "stop\n"}, []string{"head a", "b c d stop end"}},
		"steadily": {0, 9 * time.Millisecond, []string{"a\n", "b\n", "c\n", "d\n", "e\n", "f\n", "g\n", "stop\n"},
			[]string{"head a", "b c d", "e f g stop", "end"}},
		// What comes while the plugin works waits for what follows it.
		"meanwhile": {5 * time.Millisecond, 2 * time.Millisecond, []string{"a\n", "b\n", "c\n", "d\n", "e\n", "stop\n"},
			[]string{"head a", "b c d e stop end"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				toBeat()
				body := newSocket()
				go func() {
					for i, text := range c.send {
						if i > 0 {
							time.Sleep(c.gap)
						}
						_, _ = io.WriteString(body, text)
					}
					if c.gap > 0 && c.work == 0 {
						time.Sleep(c.gap)
					}
					_ = body.Close()
				}()
				p := &codec{body: body, work: c.work}
				began := time.Now()
				var late []string
				_, err := request(t.Context(), p, &wit.Chat{}, func(d wit.Delta) {
					if c.work == 0 {
						late = append(late, fmt.Sprint(d.Text, time.Since(began)))
					}
				})
				if want := len(c.send) == 0; (err != nil) != want {
					t.Errorf("error %v", err)
				}
				if name == "all at once" || name == "in bursts" || name == "half a line" {
					// How many frames a woken reader has got when the caller looks is the scheduler's; no call is
					// without need, and all of it is there in order.
					if got := strings.Join(p.calls, " "); got != strings.Join(c.want, " ") {
						t.Errorf("calls %q, want %q", p.calls, c.want)
					}
					return
				}
				if !slices.Equal(p.calls, c.want) {
					t.Errorf("calls %q, want %q", p.calls, c.want)
				}
				if name == "one by one" && strings.Join(late, " ") != "a0s b1s" {
					t.Errorf("deltas came late: %v", late)
				}
			})
		})
	}
}

// reader is a provider whose events are `{"t":…}`, which it lets be read.
type reader struct {
	codec
	texts []string // of the deltas, and what the calls were given
}

func (r *reader) Chunk(ctx context.Context, ch *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	a, err := r.codec.Chunk(ctx, ch)
	r.texts = append(r.texts, "("+r.calls[len(r.calls)-1]+")")
	a.Deltas = nil
	a.Like = &wit.EventPattern{Before: `{"t":`, After: `}`, Unless: "!"}
	if last := ch.Events[len(ch.Events)-1]; strings.HasPrefix(last.Data, "plain") {
		a.Like = nil
	}
	return a, err
}

// TestEventsThatAreAlike are not given to the provider, up to the first that is not, or that only it can read. What is
// said keeps its order.
func TestEventsThatAreAlike(t *testing.T) {
	for name, c := range map[string]struct{ send, want string }{
		"all":           {`{"t":"a"} {"t":"b\n"}`, "(head x) ab\n (stop end)"},
		"another one":   {`{"t":"a"} {"u":"b"} {"t":"c"}`, `(head x) a ({"u":"b"} {"t":"c"} stop end)`},
		"more in it":    {`{"t":"a"} {"t":"b","t":"c"}`, `(head x) a ({"t":"b","t":"c"} stop end)`},
		"no text":       {`{"t":7}`, `(head x) ({"t":7} stop end)`},
		"white space":   {`{"t":"a"`, `(head x) ({"t":"a" stop end)`},
		"half":          {`{"t":"\ud83d"} {"t":"a"}`, `(head x) ({"t":"\ud83d"} {"t":"a"} stop end)`},
		"what it wants": {`{"t":"a"} {"t":"b!"}`, `(head x) a ({"t":"b!"} stop end)`},
		"empty":         {`{"t":""}`, `(head x)  (stop end)`},
	} {
		synctest.Test(t, func(t *testing.T) {
			body := newSocket()
			go func() {
				_, _ = io.WriteString(body, "x\n")
				time.Sleep(time.Second)
				_, _ = io.WriteString(body, strings.Join(strings.Fields(c.send+" stop"), "\n")+"\n")
				_ = body.Close()
			}()
			p := &reader{codec: codec{body: body}}
			answer, err := request(t.Context(), p, &wit.Chat{}, func(d wit.Delta) { p.texts = append(p.texts, d.Text) })
			// Whether the end comes with the last line or by itself is the scheduler's choice.
			got := strings.ReplaceAll(strings.Join(p.texts, " "), "stop) (end)", "stop end)")
			if err != nil && answer.text != "" || got != c.want {
				t.Errorf("%s: %s (%v), want %s", name, got, err, c.want)
			}
		})
	}
}

// TestNothingFollows: what has come while the plugin worked is handed over when the pause ends, though nothing follows.
func TestNothingFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		toBeat()
		body := newSocket()
		go func() {
			_, _ = io.WriteString(body, "a\n")
			time.Sleep(2 * time.Millisecond)
			_, _ = io.WriteString(body, "b\n")
			time.Sleep(time.Hour)
			_, _ = io.WriteString(body, "stop\n")
			_ = body.Close()
		}()
		const work = 5 * time.Millisecond
		began, told := time.Now(), ""
		_, err := request(t.Context(), &codec{body: body, work: work}, &wit.Chat{}, func(d wit.Delta) {
			told += fmt.Sprint(d.Text, time.Since(began), " ")
		})
		if want := fmt.Sprint("a", work, " b", pause+linger+work, " "); err != nil || told != want {
			t.Errorf("told %s (%v), want %s", told, err, want)
		}
	})
}

// planner is a provider with a plan of its own, and a server with a status.
type planner struct {
	codec
	plan   *wit.ProviderPlan
	err    error
	status int
	net    error
}

func (p *planner) Request(context.Context, *wit.Chat) (*wit.ProviderPlan, error) {
	return p.plan, p.err
}

func (p *planner) Stream(context.Context, *wit.HTTPRequest) (*egress.Response, error) {
	return &egress.Response{Status: p.status, Body: p.body}, p.net
}

// TestPlans: what a provider may answer to a question, and that an error's body is one frame whatever the framing.
func TestPlans(t *testing.T) {
	ask := &wit.ProviderPlan{Request: &wit.HTTPRequest{URL: "x"}, Framing: wit.FramingNDJSON}
	refused := wit.NewError(wit.CodeForbidden, "no")
	for name, c := range map[string]struct {
		planner planner
		text    string
		code    wit.Code
		calls   string
	}{
		"at once":         {planner{plan: &wit.ProviderPlan{Answer: &wit.ProviderAnswer{Deltas: []wit.Delta{{Text: "hi"}}}}}, "hi", "", ""},
		"an empty answer": {planner{plan: &wit.ProviderPlan{Answer: &wit.ProviderAnswer{}}}, "", "", ""},
		"a bad answer":    {planner{plan: &wit.ProviderPlan{Answer: &wit.ProviderAnswer{Error: refused}}}, "", wit.CodeForbidden, ""},
		"no plan":         {planner{}, "", wit.CodeInternal, ""},
		"an empty plan":   {planner{plan: &wit.ProviderPlan{}}, "", wit.CodeInternal, ""},
		"an error":        {planner{err: refused}, "", wit.CodeForbidden, ""},
		"no network":      {planner{plan: ask, net: refused}, "", wit.CodeForbidden, ""},
		"200":             {planner{plan: ask, status: 200}, "astop", "", "a stop end"},
		"299":             {planner{plan: ask, status: 299}, "astop", "", "a stop end"},
		"300":             {planner{plan: ask, status: 300}, "a\nstop\n", wit.CodeUnavailable, "a\nstop\n end"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &c.planner
				p.body = io.NopCloser(strings.NewReader("a\nstop\n"))
				got, err := request(t.Context(), p, &wit.Chat{}, func(wit.Delta) {})
				calls := strings.TrimPrefix(strings.Join(p.calls, " "), "head ")
				if wit.CodeOf(err) != c.code || calls != c.calls || strings.TrimSuffix(c.text, "stop") != got.text {
					t.Errorf("%q, %v, calls %q", got.text, err, calls)
				}
			})
		})
	}
}

// TestBrokenBody: what came before a body broke off is handed over, then why it did.
func TestBrokenBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := newSocket()
		go func() {
			_, _ = io.WriteString(body, "a\n")
			_ = body.CloseWithError(errors.New("reset"))
		}()
		p := &codec{body: body}
		_, err := request(t.Context(), p, &wit.Chat{}, func(wit.Delta) {})
		if got := strings.Join(p.calls, " "); wit.CodeOf(err) != wit.CodeUnavailable || got != "head a end unavailable" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestNoReaderIsLeft: the goroutine that reads ends with the request, however that ends: synctest fails
// where one is left.
func TestNoReaderIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		framing string
		cancel  bool
		want    wit.Code
	}{
		"canceled": {"a\n", true, wit.CodeTimeout},
		"stopped":  {"stop\n", false, ""}, // and the server goes on
		"refused":  {strings.Repeat("x", 5<<20), false, wit.CodeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				body := newSocket()
				fed := make(chan struct{})
				go func() {
					defer close(fed)
					_, err := io.WriteString(body, c.framing)
					for err == nil && !c.cancel {
						time.Sleep(time.Second)
						_, err = io.WriteString(body, "more\n")
					}
				}()
				if c.cancel {
					time.AfterFunc(time.Minute, cancel)
				}
				began := time.Now()
				_, err := request(ctx, &codec{body: body}, &wit.Chat{}, func(wit.Delta) {})
				if wit.CodeOf(err) != c.want {
					t.Errorf("%v, want %q", err, c.want)
				}
				if name == "stopped" && time.Since(began) != afterStop {
					t.Errorf("it took %v", time.Since(began))
				}
				<-fed
			})
		})
	}
}

// TestBatchIsBounded: however much there is, a batch keeps its bounds, and nothing is lost.
func TestBatchIsBounded(t *testing.T) {
	line := strings.Repeat("x", 1000) + "\n"
	in, done := newInflow(wit.FramingNDJSON, nil, maxStream, strings.NewReader(strings.Repeat(line, 2000)), nil)
	total := 0
	for {
		batch, err := in.next()
		total += len(batch)
		if len(batch) > maxBatch || len(batch)*1000 > maxBatchBytes+1000 {
			t.Errorf("%d frames in a batch", len(batch))
		}
		if err != nil {
			break
		}
	}
	if <-done; total != 2000 {
		t.Errorf("%d frames", total)
	}
}

// TestBatchIsFullToTheByte: what makes a batch as large as it may be is in it, and the next frame is not.
func TestBatchIsFullToTheByte(t *testing.T) {
	for size, want := range map[int]int{maxBatchBytes / 2: 2, maxBatchBytes/2 - 1: 3, maxBatchBytes: 1} {
		synctest.Test(t, func(t *testing.T) {
			stop := make(chan struct{})
			in, done := newInflow(wit.FramingNDJSON, nil, maxStream, strings.NewReader(strings.Repeat(strings.Repeat("x", size)+"\n", 3)), stop)
			synctest.Wait() // all of them are there
			if batch, err := in.next(); len(batch) != want || err != nil {
				t.Errorf("%d frames of %d bytes, %v", len(batch), size, err)
			}
			close(stop)
			<-done
		})
	}
}

// TestJoined: what is said together of one kind is said as one, in its order.
func TestJoined(t *testing.T) {
	text, thought := wit.DeltaKindText, wit.DeltaKindThinking
	var said []wit.Delta
	p := &planner{plan: &wit.ProviderPlan{Answer: &wit.ProviderAnswer{Deltas: []wit.Delta{
		{Kind: thought, Text: "hm"}, {Kind: text, Text: "a"}, {Kind: text, Text: "b"}, {Kind: text, Text: "c"}, {Kind: thought, Text: "d"},
	}}}}
	got, err := request(t.Context(), p, &wit.Chat{}, func(d wit.Delta) { said = append(said, d) })
	if want := []wit.Delta{{Kind: thought, Text: "hm"}, {Kind: text, Text: "abc"}, {Kind: thought, Text: "d"}}; !slices.Equal(said, want) {
		t.Errorf("said %v, want %v", said, want)
	}
	if got.text != "abc" || got.thinking != "hmd" || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}
