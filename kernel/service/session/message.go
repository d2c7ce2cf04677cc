package session

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Message is one entry of a history.
type Message struct {
	// Number counts from 1 within the history; Append sets it.
	Number uint64   `json:"number"`
	Role   wit.Role `json:"role"`

	Parts     []wit.Part     `json:"parts,omitempty"`
	ToolCalls []wit.ToolCall `json:"toolCalls,omitempty"`
	// What a tool's message answers.
	ToolCallID string `json:"toolCallId,omitempty"`
	Tool       string `json:"tool,omitempty"`
	Failed     bool   `json:"failed,omitempty"`

	Provider string     `json:"provider,omitempty"`
	Model    string     `json:"model,omitempty"`
	Usage    *wit.Usage `json:"usage,omitempty"`
	// Thinking is what the assistant thought before it called tools, and Opaque what its provider wants to have
	// again; as the calls' own, it goes back to the model and is shown to nobody.
	Thinking string   `json:"thinking,omitempty"`
	Opaque   wit.JSON `json:"opaque,omitempty"`
	// Stop says why an assistant's message ended: end, tool_calls, length, refused, broken (the stream was cut
	// off), aborted, error, injected.
	Stop  string `json:"stop,omitempty"`
	Error string `json:"error,omitempty"`

	Run    string          `json:"run,omitempty"`
	Origin *message.Origin `json:"origin,omitempty"`
	// Time is when it was appended, in Unix milliseconds; Append sets it.
	Time int64 `json:"time"`
	// Aside is shown to people and not to the model: commands and their answers.
	Aside bool `json:"aside,omitempty"`
	// Quiet is a question that nobody asked, and an answer to one that nobody hears: a heartbeat that has nothing to say. A
	// session is no fresher for it, and is not called after it.
	Quiet bool `json:"quiet,omitempty"`
	// Damaged stands for a message whose record cannot be read: it has the record's number, a neighbour's time and,
	// from the role system, a text that says so.
	Damaged bool `json:"damaged,omitempty"`
}

// WithoutOpaque returns the message without what its provider alone is to have again: the thinking and opaque data.
// The calls of m stay as they are.
func (m Message) WithoutOpaque() Message {
	m.Thinking, m.Opaque, m.ToolCalls = "", nil, slices.Clone(m.ToolCalls)
	for i := range m.ToolCalls {
		m.ToolCalls[i].Opaque = nil
	}
	return m
}

// Text returns the message's text parts, joined.
func (m Message) Text() string {
	var b strings.Builder
	for _, p := range m.Parts {
		if p.Text == nil || (p.Kind != wit.PartKindText && p.Kind != "") {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(*p.Text)
	}
	return b.String()
}

// TextPart returns a part that holds text.
func TextPart(text string) wit.Part { return wit.Part{Kind: wit.PartKindText, Text: &text} }

const (
	history    = store.Table[Message]("history")
	maxMessage = 4 << 20
)

func messageKey(sessionID string, number uint64) string {
	return fmt.Sprintf("%s/%016x", sessionID, number)
}

// MessageID names a message for clients.
func MessageID(sessionID string, number uint64) string {
	return sessionID + "." + strconv.FormatUint(number, 10)
}

// ParseMessageID reads what MessageID wrote. The number may be 0, as that of no message is.
func ParseMessageID(text string) (sessionID string, number uint64, ok bool) {
	sessionID, digits, _ := strings.Cut(text, ".")
	number, err := strconv.ParseUint(digits, 10, 63)
	return sessionID, number, err == nil && ValidID(sessionID)
}

// Append adds a message to the session's history and returns it with its number and time.
//
// Errors: CodeNotFound without the session; CodeTooLarge.
func Append(tx store.Tx, key Key, m Message) (Message, error) {
	e, err := Get(tx, key)
	if err != nil {
		return m, err
	}
	if size := m.size(); size > maxMessage {
		return m, wit.Errorf(wit.CodeTooLarge, "a message of %d bytes is too long: at most %d fit", size, maxMessage)
	}
	e.Last++
	m.Number, m.Time = e.Last, time.Now().UnixMilli()
	e.Updated = m.Time
	if !m.Quiet {
		e.Spoken = m.Time
		e.caption(m)
	}
	if m.Usage != nil {
		e.Usage = Sum(e.Usage, *m.Usage)
		e.Context = m.Usage.Input + m.Usage.CacheRead + m.Usage.CacheWrite + m.Usage.Output
		e.Provider, e.Used = m.Provider, m.Model
	}
	if err := history.Put(tx, messageKey(e.SessionID, m.Number), m); err != nil {
		return m, err
	}
	if err := noteText(tx, e.SessionID, m.Number); err != nil {
		return m, err
	}
	return m, write(tx, &e)
}

// EventMark begins what a job, a hook or a client has told an agent, so that the model takes it for no person's words.
const EventMark = "[system event] "

// caption lets a session be called after a message that is appended.
func (e *Entry) caption(m Message) {
	text := strings.TrimPrefix(m.Text(), EventMark)
	if text == "" || m.Role == wit.RoleTool {
		return
	}
	e.Preview = excerpt(text, 160)
	if e.Title == "" && m.Role == wit.RoleUser && !m.Aside {
		e.Title = excerpt(text, 60)
	}
}

func (m Message) size() int {
	n := len(m.Error) + len(m.Thinking) + len(m.Opaque)
	for _, p := range m.Parts {
		if p.Text != nil {
			n += len(*p.Text)
		}
	}
	for _, c := range m.ToolCalls {
		n += len(c.Args) + len(c.Opaque)
	}
	return n
}

// scan yields the messages that r selects. One that is Damaged is logged, once; any other error is yielded once, last.
func (s *Service) scan(tx store.Tx, r store.Range) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		var near int64 // when the neighbour was appended
		for row, err := range history.Scan(tx, r) {
			m := row.Value
			if s.skips.Skip(err) {
				m, err = damaged(row.Key, near), nil
			}
			near = m.Time
			if !yield(m, err) {
				return
			}
		}
	}
}

// damaged is what stands for the message with this key.
func damaged(key string, near int64) Message {
	number, _ := strconv.ParseUint(key[strings.LastIndexByte(key, '/')+1:], 16, 64)
	return Message{
		Number: number, Role: wit.RoleSystem, Time: near, Damaged: true,
		Parts: []wit.Part{TextPart("[this message is damaged and cannot be read]")},
	}
}

// History yields the messages of a history that follow number, oldest first, as they were when the transaction began. One that
// is Damaged is stood for; an error of the store's is yielded once, last.
func (s *Service) History(tx store.Tx, sessionID string, number uint64) iter.Seq2[Message, error] {
	return s.scan(tx, store.Range{Prefix: sessionID + "/", From: messageKey(sessionID, number+1)})
}

// Newest yields at most limit messages of a history in order, the newest last, after leaving out the
// skip newest ones. keep, if given, is asked newest first and ends the selection by false.
func (s *Service) Newest(tx store.Tx, sessionID string, skip, limit int, keep func(Message) bool) ([]Message, error) {
	var out []Message
	r := store.Range{Prefix: sessionID + "/", Reverse: true, Limit: skip + limit}
	for m, err := range s.scan(tx, r) {
		if err != nil {
			return nil, err
		}
		if skip > 0 {
			skip--
			continue
		}
		if keep != nil && !keep(m) {
			break
		}
		out = append(out, m)
	}
	slices.Reverse(out)
	return out, nil
}

// After returns at most limit messages that follow number, oldest first.
func (s *Service) After(tx store.Tx, sessionID string, number uint64, limit int) ([]Message, error) {
	var out []Message
	r := store.Range{Prefix: sessionID + "/", From: messageKey(sessionID, number+1), Limit: limit}
	for m, err := range s.scan(tx, r) {
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// Before returns at most limit of the newest messages that precede number, 0 of all, oldest first, and whether there are
// older ones.
func (s *Service) Before(tx store.Tx, sessionID string, number uint64, limit int) (page []Message, more bool, err error) {
	r := store.Range{Prefix: sessionID + "/", Reverse: true, Limit: limit + 1}
	if number > 0 {
		r.To = messageKey(sessionID, number)
	}
	for m, err := range s.scan(tx, r) {
		if err != nil {
			return nil, false, err
		}
		page = append(page, m)
	}
	if more = len(page) > limit; more {
		page = page[:limit]
	}
	slices.Reverse(page)
	return page, more, nil
}

// Sum adds up two usages.
func Sum(a, b wit.Usage) wit.Usage {
	return wit.Usage{
		Input: a.Input + b.Input, Output: a.Output + b.Output,
		CacheRead: a.CacheRead + b.CacheRead, CacheWrite: a.CacheWrite + b.CacheWrite,
	}
}
