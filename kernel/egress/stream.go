package egress

import (
	"context"
	"mime"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/sse"
	"github.com/carapace-gateway/carapace/wit"
)

// eventStream opens text/event-stream. Redirects are followed as for requests. Anything but 200 with that type is
// refused, or an error page would be read as a stream without events.
func (c *Conn) eventStream(client *Client, o *wit.OpenConnection) error {
	if _, err := c.prepare(client, o.URL, o); err != nil {
		return err
	}
	if !c.m.has("Accept") {
		c.m.headers = append(c.m.headers, headerLine{name: "Accept", value: "text/event-stream"})
	}
	res, err := client.follow(c.ctx, c.m)
	if err != nil {
		return err
	}
	// What is refused here ends with the connection's context.
	if res.StatusCode != 200 {
		return c.refused(res.StatusCode, res.Header, " instead of an event stream")
	}
	if kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); kind != "text/event-stream" {
		return wit.Errorf(wit.CodeUnavailable, "http: %s answered %.40q instead of an event stream", c.m.shown, kind)
	}
	body := &idleBody{ctx: c.ctx, cancel: c.cancel, timer: newTimer(client.limits.Silence, c.cancel), idle: client.limits.Silence, body: res.Body, m: c.m}
	c.wire = &eventStream{body: body, events: sse.NewReader(body, maxFrame)}
	return nil
}

// has reports whether the request sets a header of its own.
func (m *message) has(header string) bool {
	for _, h := range m.headers {
		if strings.EqualFold(h.name, header) {
			return true
		}
	}
	return false
}

// eventStream is a wire that only reads.
type eventStream struct {
	body   *idleBody
	events *sse.Reader
}

func (s *eventStream) read() (wit.Frame, error) {
	e, err := s.events.Next()
	for e.Cut { // half an event is none
		e, err = s.events.Next()
	}
	if err != nil {
		return wit.Frame{}, err
	}
	f := wit.Frame{Text: &e.Data}
	if e.Name != "" {
		f.Event = &e.Name
	}
	if e.ID != "" {
		f.ID = &e.ID
	}
	return f, nil
}

func (s *eventStream) write(context.Context, *wit.Frame) error {
	return wit.NewError(wit.CodeInvalid, "http: nothing can be sent on an event stream: make a request")
}

func (s *eventStream) close() { _ = s.body.Close() }
