// Package webchattest is a visitor's browser as the gateway sees it: what the page's script does, without the page. A Crowd is
// many of them, which have trouble.
package webchattest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
)

// Visitor is one who has the page open. It may be used by several goroutines.
type Visitor struct {
	client *http.Client
	enters sync.Mutex // held while one asks for a token

	mu      sync.Mutex
	base    string // of the page, with a slash at its end
	pass    string
	token   string
	id      string
	seq     int64
	shown   map[string]*Message
	resets  int
	typing  int
	streams int // that began
	ready   bool
	changed change.Signal
}

// Message is something that the page shows.
type Message struct {
	Key     string
	Order   int64
	From    string
	Text    string
	HTML    string
	Files   []File
	Actions [][]Action
	Gone    bool
	// Texts counts how often it was written anew, and At is when it came.
	Texts int
	At    time.Time

	bodySeq, textSeq, actionsSeq int64
}

// File is one that a message has.
type File struct {
	ID, Name, Mime, Caption string
	Size                    int64
}

// Action is a button.
type Action struct{ Label, Value, Style string }

// New returns a visitor of a page, such as http://127.0.0.1:18789/chat/default/. nil is a client of its own.
func New(page string, client *http.Client) *Visitor {
	if client == nil {
		client = &http.Client{}
	}
	return &Visitor{client: client, base: page, shown: map[string]*Message{}}
}

// Refusal is what the gateway answers to what it does not do.
type Refusal struct {
	Status  int
	Code    string
	Message string
	After   time.Duration
}

func (r *Refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Message) }

// Do makes a request below the page's `-/`, with the visit's token, and returns the answer, whose body the caller closes. What is not answered with 2xx is a *Refusal.
func (v *Visitor) Do(ctx context.Context, method, path string, body io.Reader, headers ...string) (*http.Response, error) {
	v.mu.Lock()
	base, token := v.base, v.token
	v.mu.Unlock()
	r, err := http.NewRequestWithContext(ctx, method, base+"-/"+path, body)
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := v.client.Do(r)
	if err != nil || res.StatusCode < 300 {
		return res, err
	}
	defer res.Body.Close()
	refusal := &Refusal{Status: res.StatusCode}
	var said struct {
		Error struct{ Code, Message string }
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	_ = json.Unmarshal(text, &said) // a proxy may answer something else
	refusal.Code, refusal.Message = said.Error.Code, said.Error.Message
	if seconds := 0; res.Header.Get("Retry-After") != "" {
		_, _ = fmt.Sscan(res.Header.Get("Retry-After"), &seconds)
		refusal.After = time.Duration(seconds) * time.Second
	}
	return nil, refusal
}

// Post sends JSON and reads the answer.
func (v *Visitor) Post(ctx context.Context, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	res, err := v.Do(ctx, http.MethodPost, path, bytes.NewReader(text), "Content-Type", "application/json")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if into == nil {
		into = &struct{}{}
	}
	return json.NewDecoder(res.Body).Decode(into)
}

// Enter asks for a token: of the visit that it has, or of a new one.
func (v *Visitor) Enter(ctx context.Context) error {
	v.mu.Lock()
	in := map[string]string{}
	if v.pass != "" {
		in["pass"] = v.pass
	}
	v.mu.Unlock()
	var out struct{ Visitor, Pass, Token string }
	if err := v.Post(ctx, "visit", in, &out); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.id, v.pass, v.token = out.Visitor, out.Pass, out.Token
	return nil
}

// Renew is Enter for who has found that the token is not good (any more); one that has changed meanwhile is.
func (v *Visitor) Renew(ctx context.Context, bad string) error {
	v.enters.Lock()
	defer v.enters.Unlock()
	if v.Token() != bad {
		return nil
	}
	return v.Enter(ctx)
}

// ID is the visitor's.
func (v *Visitor) ID() string { v.mu.Lock(); defer v.mu.Unlock(); return v.id }

// Token is that of calls, and Pass that of the visit.
func (v *Visitor) Token() string { v.mu.Lock(); defer v.mu.Unlock(); return v.token }

// Pass is the one by which the next token is asked for.
func (v *Visitor) Pass() string { v.mu.Lock(); defer v.mu.Unlock(); return v.pass }

// Use takes another token and pass.
func (v *Visitor) Use(token, pass string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.token, v.pass = token, pass
}

// Say says something once.
func (v *Visitor) Say(ctx context.Context, id, text string) error {
	return v.Post(ctx, "call/message", map[string]string{"id": id, "text": text}, nil)
}

// Upload is a file to send.
type Upload struct {
	Name, Mime string
	Data       []byte
}

// SayWith says something with files.
func (v *Visitor) SayWith(ctx context.Context, id, text string, files ...Upload) error {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	call, err := json.Marshal(map[string]string{"id": id, "text": text})
	if err == nil {
		err = form.WriteField("call", string(call))
	}
	for _, f := range files {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", fmt.Sprintf("form-data; name=%q; filename=%q", "file", f.Name))
		h.Set("Content-Type", f.Mime)
		part, e := form.CreatePart(h)
		if e == nil {
			_, e = part.Write(f.Data)
		}
		err = errors.Join(err, e)
	}
	if err = errors.Join(err, form.Close()); err != nil {
		return err
	}
	res, err := v.Do(ctx, http.MethodPost, "call/message", &b, "Content-Type", form.FormDataContentType())
	if err == nil {
		err = res.Body.Close()
	}
	return err
}

// Listen follows the event stream once, from what it has, until the stream or ctx ends.
func (v *Visitor) Listen(ctx context.Context) error {
	v.mu.Lock()
	after := v.seq
	v.mu.Unlock()
	res, err := v.Do(ctx, http.MethodGet, fmt.Sprint("events?after=", after), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for name := ""; ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		line = strings.TrimSuffix(line, "\n")
		if event, ok := strings.CutPrefix(line, "event: "); ok {
			name = event
		} else if data, ok := strings.CutPrefix(line, "data: "); ok {
			if err := v.take(name, []byte(data)); err != nil {
				return err
			}
		}
	}
}

// Stay enters, and listens again and again until ctx ends, as the page does.
func (v *Visitor) Stay(ctx context.Context) {
	for ctx.Err() == nil {
		v.listen(ctx)
		pause(ctx, 20*time.Millisecond)
	}
}

// listen is Listen with a token that is asked for where there is none that is good.
func (v *Visitor) listen(ctx context.Context) {
	token := v.Token()
	err := v.Listen(ctx)
	if refused := (*Refusal)(nil); errors.As(err, &refused) && refused.Status == http.StatusForbidden {
		_ = v.Renew(ctx, token) // it is tried again
	}
}

// Ack says how far it has heard.
func (v *Visitor) Ack(ctx context.Context) error {
	v.mu.Lock()
	seq := v.seq
	v.mu.Unlock()
	return v.Post(ctx, "ack", map[string]int64{"seq": seq}, nil)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// kept is an event of the stream.
type kept struct {
	Seq, Order int64
	Key        string
	Data       struct {
		Kind, From, Text, HTML string
		Files                  []File
		Actions                [][]Action
	}
}

// take does with an event what the page does.
func (v *Visitor) take(name string, data []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch name {
	case "kept":
		var k kept
		if err := json.Unmarshal(data, &k); err != nil {
			return err
		}
		v.seq = max(v.seq, k.Seq)
		v.keep(k)
	case "live":
		v.typing++
	case "reset":
		v.shown, v.seq = map[string]*Message{}, 0
		v.resets++
	case "ready":
		v.ready = true
		v.streams++
	}
	v.changed.Raise()
	return nil
}

// keep shows something. The caller holds mu.
func (v *Visitor) keep(k kept) {
	key, edit := strings.CutSuffix(k.Key, "#text")
	key, actions := strings.CutSuffix(key, "#actions")
	m := v.shown[key]
	if m == nil {
		m = &Message{Key: key, At: time.Now()}
		v.shown[key] = m
	}
	switch {
	case edit:
		if m.Texts++; k.Data.Kind == "edit" {
			m.Text, m.HTML, m.textSeq = k.Data.Text, k.Data.HTML, k.Seq
		}
	case actions:
	default:
		m.Order, m.From, m.Files, m.Gone = k.Order, k.Data.From, k.Data.Files, k.Data.Kind == "gone"
		m.bodySeq = k.Seq
		if m.Texts++; m.textSeq == 0 {
			m.Text, m.HTML = k.Data.Text, k.Data.HTML
		}
	}
	if k.Seq >= m.actionsSeq {
		m.Actions, m.actionsSeq = k.Data.Actions, k.Seq
	}
}

// Shown is what the page shows, in order.
func (v *Visitor) Shown() (list []Message) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, m := range v.shown {
		if m.bodySeq > 0 {
			list = append(list, *m)
		}
	}
	slices.SortFunc(list, func(a, b Message) int { return int(a.Order - b.Order) })
	return list
}

// Heard is what the assistant has said, in order.
func (v *Visitor) Heard() []Message {
	return slices.DeleteFunc(v.Shown(), func(m Message) bool { return m.From != "assistant" })
}

// Typing is how often it was shown that an answer is being written, Resets how often all was to be forgotten.
func (v *Visitor) Typing() int { v.mu.Lock(); defer v.mu.Unlock(); return v.typing }

// Resets is how often all that was shown was to be forgotten.
func (v *Visitor) Resets() int { v.mu.Lock(); defer v.mu.Unlock(); return v.resets }

// Ready reports whether all that was kept has come once.
func (v *Visitor) Ready() bool { v.mu.Lock(); defer v.mu.Unlock(); return v.ready }

// Streams is how many event streams it has had.
func (v *Visitor) Streams() int { v.mu.Lock(); defer v.mu.Unlock(); return v.streams }

// Until waits until ok is true of what is shown, or returns ctx's error.
func (v *Visitor) Until(ctx context.Context, ok func() bool) error { return v.changed.Wait(ctx, ok) }
