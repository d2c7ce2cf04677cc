package openai

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a request.
const (
	maxMessages = 1000
	maxTools    = 128
	maxPictures = 16
	maxCallID   = 128
	maxCalls    = 32
)

// chatMessage is a message of a request.
type chatMessage struct {
	Role string `json:"role"`
	// Content is a text, a list of parts, or null.
	Content    json.RawMessage `json:"content"`
	ToolCalls  []toolCall      `json:"tool_calls"`
	ToolCallID string          `json:"tool_call_id"`
}

// toolCall is a call of a client's tool.
type toolCall struct {
	// Index counts the calls of a streamed message, in pieces of it only.
	Index    *int         `json:"index,omitempty"`
	ID       string       `json:"id,omitempty"`
	Type     string       `json:"type,omitempty"`
	Function functionCall `json:"function"`
}

type functionCall struct {
	Name string `json:"name,omitempty"`
	// Arguments is JSON, as a text.
	Arguments string `json:"arguments"`
}

// part is a part of a message's content, in the words of both APIs.
type part struct {
	Type    string          `json:"type"`
	Text    string          `json:"text"`
	Refusal string          `json:"refusal"`
	Image   json.RawMessage `json:"image_url"` // {"url": …}, or the URL itself
}

// url is the picture's address.
func (p part) url() string {
	var text string
	if json.Unmarshal(p.Image, &text) == nil {
		return text
	}
	var in struct{ URL string }
	_ = json.Unmarshal(p.Image, &in) // an empty address is refused
	return in.URL
}

// reader makes of a request's messages what a history has. It keeps pictures, so it is used once the rest was checked.
type reader struct {
	ctx      context.Context
	media    Media
	pictures int
}

// content reads a message's content; field is where it stands in the request.
func (r *reader) content(raw json.RawMessage, field string) ([]wit.Part, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return texts(text, field)
	}
	var parts []part
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, wrong(field, "%s must be a text or a list of parts", field)
	}
	var out []wit.Part
	for i, p := range parts {
		where := fmt.Sprintf("%s[%d]", field, i)
		var more []wit.Part
		var err error
		switch p.Type {
		case "text", "input_text", "output_text":
			more, err = texts(p.Text, where)
		case "refusal":
			more, err = texts(p.Refusal, where)
		case "image_url", "input_image":
			more, err = r.picture(p.url(), where)
		default:
			err = wrong(where, "%s: parts of the type %.40q are not read here: send text and image_url", where, p.Type)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

func texts(text, field string) ([]wit.Part, error) {
	if len(text) > run.MaxText {
		return nil, wrong(field, "%s may have %d bytes", field, run.MaxText)
	}
	if text == "" {
		return nil, nil
	}
	return []wit.Part{session.TextPart(text)}, nil
}

// picture keeps a picture that a message has as a data URL, or by its address on the web.
func (r *reader) picture(url, field string) ([]wit.Part, error) {
	if r.pictures++; r.pictures > maxPictures {
		return nil, wrong(field, "a request may have %d pictures", maxPictures)
	}
	if strings.HasPrefix(url, "https://") {
		ref, mime, err := r.media.FetchURL(r.ctx, url, wire.MaxPicture, "image/*")
		if err != nil {
			e := wit.AsError(err)
			return nil, &fieldError{&wit.Error{Code: e.Code, Message: field + ": " + e.Message, Retryable: e.Retryable, RetryAfter: e.RetryAfter}, field}
		}
		return []wit.Part{{Kind: wit.PartKindImage, Media: &ref, Mime: &mime}}, nil
	}
	head, body, _ := strings.Cut(url, ",")
	if !strings.HasPrefix(head, "data:") || !strings.HasSuffix(head, ";base64") {
		return nil, wrong(field, "%s: send the picture itself, as a data URL in base64, or its https:// address", field)
	}
	if base64.StdEncoding.DecodedLen(len(body)) > wire.MaxPicture+3 {
		return nil, wrong(field, "a picture may have %d bytes", wire.MaxPicture)
	}
	data, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		return nil, wrong(field, "%s: the picture is not base64", field)
	}
	mime := http.DetectContentType(data) // what is said of it does not matter: models are shown what it is
	if !strings.HasPrefix(mime, "image/") || len(data) > wire.MaxPicture {
		return nil, wrong(field, "%s is no picture of at most %d bytes", field, wire.MaxPicture)
	}
	ref, err := r.media.Put(r.ctx, mime, "", data)
	return []wit.Part{{Kind: wit.PartKindImage, Media: &ref, Mime: &mime}}, err
}

// message reads one message that is not the system's.
func (r *reader) message(m chatMessage, field string) (out session.Message, err error) {
	switch m.Role {
	case "user", "assistant", "tool":
		out.Role = wit.Role(m.Role)
	default:
		return out, wrong(field+".role", "%s.role is %.40q: it must be system, developer, user, assistant or tool", field, m.Role)
	}
	if out.Parts, err = r.content(m.Content, field+".content"); err != nil {
		return out, err
	}
	if out.Role == wit.RoleTool {
		if m.ToolCallID == "" || len(m.ToolCallID) > maxCallID {
			return out, wrong(field+".tool_call_id", "a message of a tool names the call that it answers, in at most %d bytes", maxCallID)
		}
		out.ToolCallID = m.ToolCallID
	}
	if out.Role == wit.RoleAssistant {
		out.ToolCalls, err = calls(m.ToolCalls, field+".tool_calls")
	}
	return out, err
}

// calls reads what an assistant's message asked for.
func calls(list []toolCall, field string) (out []wit.ToolCall, err error) {
	if len(list) > maxCalls {
		return nil, wrong(field, "a message may have %d calls", maxCalls)
	}
	for _, c := range list {
		switch {
		case c.ID == "" || len(c.ID) > maxCallID || !functionName.MatchString(c.Function.Name):
			return nil, wrong(field, "a call has an id and the name of its function")
		case !json.Valid([]byte(c.Function.Arguments)):
			return nil, wrong(field, "the arguments of a call are JSON in a text")
		}
		out = append(out, wit.ToolCall{ID: c.ID, Name: c.Function.Name, Args: wit.JSON(c.Function.Arguments)})
	}
	return out, nil
}

var functionName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// conversation is what a request's messages say.
type conversation struct {
	system   string
	messages []session.Message // without the system's
}

// conversation reads the messages of a request.
func (r *reader) conversation(list []chatMessage) (c conversation, err error) {
	if len(list) == 0 || len(list) > maxMessages {
		return c, wrong("messages", "a request has 1 to %d messages", maxMessages)
	}
	var system []string
	for i, m := range list {
		field := fmt.Sprintf("messages[%d]", i)
		if m.Role == "system" || m.Role == "developer" {
			parts, err := r.content(m.Content, field+".content")
			if err != nil {
				return c, err
			}
			system = append(system, session.Message{Parts: parts}.Text())
			continue
		}
		said, err := r.message(m, field)
		if err != nil {
			return c, err
		}
		c.messages = append(c.messages, said)
	}
	c.system = strings.Join(system, "\n\n")
	return c, c.check()
}

// check refuses what nobody can answer.
func (c conversation) check() error {
	if len(c.messages) == 0 {
		return wrong("messages", "there is nothing to answer: send a message with the role user")
	}
	switch last := c.messages[len(c.messages)-1]; {
	case last.Role == wit.RoleAssistant:
		return wrong("messages", "the last message is the assistant's: end with one of the user or a tool")
	case last.Role == wit.RoleUser && len(last.Parts) == 0:
		return wrong("messages", "the last message is empty")
	}
	return nil
}

// fill puts the conversation into a run: what follows the last answer is new, and what the last message of the user says is
// the question.
func (c conversation) fill(r *run.Run, t *run.Terms) {
	since := len(c.messages)
	for since > 0 && c.messages[since-1].Role != wit.RoleAssistant {
		since--
	}
	t.Before, t.Since = c.messages[:since], c.messages[since:]
	r.System, r.Terms = c.system, t
	last := t.Since[len(t.Since)-1]
	if last.Role != wit.RoleUser {
		return
	}
	t.Since = t.Since[:len(t.Since)-1]
	r.Text = last.Text()
	for _, p := range last.Parts {
		if p.Kind == wit.PartKindImage {
			r.Parts = append(r.Parts, p)
		}
	}
}
