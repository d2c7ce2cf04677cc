package openai

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

const responsePrefix = "resp_"

// responseRequest is what is asked of /v1/responses. What it does not name is passed over.
type responseRequest struct {
	Model string `json:"model"`
	// Input is a text, or a list of items.
	Input              json.RawMessage `json:"input"`
	Instructions       string          `json:"instructions"`
	Stream             bool            `json:"stream"`
	User               string          `json:"user"`
	Tools              []responseTool  `json:"tools"`
	ToolChoice         json.RawMessage `json:"tool_choice"`
	MaxOutputTokens    *uint32         `json:"max_output_tokens"`
	Temperature        *float64        `json:"temperature"`
	PreviousResponseID string          `json:"previous_response_id"`
	TopLogprobs        *int            `json:"top_logprobs"`
	Reasoning          struct {
		Effort string `json:"effort"`
	} `json:"reasoning"`
	Text struct {
		Format jsonFormat `json:"format"`
	} `json:"text"`
}

// responseTool is a tool that a request brings.
type responseTool struct {
	Type string `json:"type"`
	function
}

// inputItem is one of a request's items.
type inputItem struct {
	Type    string          `json:"type"`
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
	// Of calls and their results.
	CallID    string          `json:"call_id"`
	Name      string          `json:"name"`
	Arguments string          `json:"arguments"`
	Output    json.RawMessage `json:"output"`
}

// response is an answer, or what there is of it.
type response struct {
	ID                 string            `json:"id"`
	Object             string            `json:"object"`
	CreatedAt          int64             `json:"created_at"`
	Status             string            `json:"status"`
	Error              *responseError    `json:"error"`
	Incomplete         *incomplete       `json:"incomplete_details"`
	Instructions       *string           `json:"instructions"`
	MaxOutputTokens    *uint32           `json:"max_output_tokens"`
	Metadata           map[string]string `json:"metadata"`
	Model              string            `json:"model"`
	Output             []outputItem      `json:"output"`
	ParallelToolCalls  bool              `json:"parallel_tool_calls"`
	PreviousResponseID *string           `json:"previous_response_id"`
	Temperature        *float64          `json:"temperature"`
	ToolChoice         json.RawMessage   `json:"tool_choice"`
	Tools              []responseTool    `json:"tools"`
	Usage              *responseUsage    `json:"usage"`
}

type responseError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type incomplete struct {
	Reason string `json:"reason"`
}

// outputItem is a message or a call.
type outputItem struct {
	Type    string       `json:"type"`
	ID      string       `json:"id"`
	Status  string       `json:"status"`
	Role    string       `json:"role,omitempty"`
	Content []outputPart `json:"content,omitzero"`
	CallID  string       `json:"call_id,omitempty"`
	Name    string       `json:"name,omitempty"`
	// Arguments are there for calls.
	Arguments *string `json:"arguments,omitempty"`
}

type outputPart struct {
	Type        string   `json:"type"`
	Text        string   `json:"text"`
	Annotations []string `json:"annotations"`
	Logprobs    []string `json:"logprobs"`
}

type responseUsage struct {
	Input        uint64 `json:"input_tokens"`
	InputDetails struct {
		Cached uint64 `json:"cached_tokens"`
	} `json:"input_tokens_details"`
	Output        uint64 `json:"output_tokens"`
	OutputDetails struct {
		Reasoning uint64 `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	Total uint64 `json:"total_tokens"`
}

// respond serves /v1/responses.
func (s *Service) respond(w http.ResponseWriter, r *http.Request) error {
	var q responseRequest
	if err := endpoint.Decode(w, r, &q); err != nil {
		return err
	}
	asked, err := s.askedFor(r, q)
	if err != nil {
		return err
	}
	head := q.head(asked.ID)
	if q.Stream {
		return s.streamResponse(w, r, asked, head)
	}
	done, err := s.turn(r.Context(), asked, nobody{})
	if err = cmp.Or(err, done.Failure()); err != nil {
		return err
	}
	endpoint.Write(w, http.StatusOK, head.ended(done, done.Answer))
	return nil
}

// askedFor is a request as a run.
func (s *Service) askedFor(r *http.Request, q responseRequest) (out run.Run, err error) {
	tools, err := q.functions()
	if err != nil {
		return out, err
	}
	asked := terms(tools, q.MaxOutputTokens, q.Temperature)
	if asked.Format, err = q.Text.Format.format("text.format"); err != nil {
		return out, err
	}
	if q.TopLogprobs != nil && *q.TopLogprobs > 0 {
		return out, unsupported("top_logprobs")
	}
	if err := s.address(r, &out, responsePrefix, q.Model, q.User); err != nil {
		return out, err
	}
	if q.PreviousResponseID != "" {
		if out.Session, err = s.previous(r.Context(), q.PreviousResponseID); err != nil {
			return out, err
		}
	}
	messages, err := q.messages()
	if err != nil {
		return out, err
	}
	read := &reader{ctx: r.Context(), media: s.Media}
	said, err := read.conversation(messages)
	if err != nil {
		return out, err
	}
	said.system = strings.TrimSpace(q.Instructions + "\n\n" + said.system)
	said.fill(&out, asked)
	own := q.User == "" && q.PreviousResponseID == "" && header(r, "Session-Key") == ""
	if err := s.able(&out, own, "text.format"); err != nil {
		return out, err
	}
	out.Thinking = effort(q.Reasoning.Effort)
	return out, choose(&out, q.ToolChoice)
}

// previous is the session of an earlier response, which this one goes on with.
func (s *Service) previous(ctx context.Context, id string) (key session.Key, err error) {
	var before run.Run
	if strings.HasPrefix(id, responsePrefix) {
		before, err = s.Runs.Find(ctx, id)
	}
	if before.ID == "" && (err == nil || wit.CodeOf(err) == wit.CodeNotFound) {
		err = wrong("previous_response_id", "there is no response %.80q, or not any more", id)
	}
	return before.Session, err
}

func (q *responseRequest) functions() (out []wit.ToolSpec, err error) {
	var tools []chatTool
	for _, t := range q.Tools {
		tools = append(tools, chatTool{t.Type, t.function})
	}
	return functions(tools)
}

// messages are the request's items as messages. Calls that follow each other are one message's.
func (q *responseRequest) messages() (out []chatMessage, err error) {
	var text string
	if json.Unmarshal(q.Input, &text) == nil {
		return []chatMessage{{Role: "user", Content: q.Input}}, nil
	}
	var items []inputItem
	if err := json.Unmarshal(q.Input, &items); err != nil {
		return nil, wrong("input", "input must be a text or a list of items")
	}
	for i, item := range items {
		switch item.Type {
		case "", "message":
			out = append(out, chatMessage{Role: item.Role, Content: item.Content})
		case "function_call":
			if n := len(out); n == 0 || out[n-1].Role != "assistant" {
				out = append(out, chatMessage{Role: "assistant"})
			}
			last := &out[len(out)-1]
			last.ToolCalls = append(last.ToolCalls, toolCall{ID: item.CallID, Function: functionCall{item.Name, item.Arguments}})
		case "function_call_output":
			out = append(out, chatMessage{Role: "tool", ToolCallID: item.CallID, Content: item.Output})
		case "reasoning": // it was not this model's to read again
		default:
			return nil, wrong(fmt.Sprintf("input[%d]", i), "items of the type %.40q are not read here", item.Type)
		}
	}
	return out, nil
}

// head is what an answer says of its request.
func (q *responseRequest) head(id string) response {
	r := response{
		ID: id, Object: "response", CreatedAt: time.Now().Unix(), Status: "in_progress", Model: cmp.Or(q.Model, clients()[0]), Output: []outputItem{},
		MaxOutputTokens: q.MaxOutputTokens, Metadata: map[string]string{}, ParallelToolCalls: true, Temperature: q.Temperature,
		ToolChoice: q.ToolChoice, Tools: q.Tools,
	}
	if len(r.ToolChoice) == 0 {
		r.ToolChoice = json.RawMessage(`"auto"`)
	}
	if r.Tools == nil {
		r.Tools = []responseTool{}
	}
	if q.Instructions != "" {
		r.Instructions = &q.Instructions
	}
	if q.PreviousResponseID != "" {
		r.PreviousResponseID = &q.PreviousResponseID
	}
	return r
}

// ended is the answer of a run that was answered with this text.
func (r response) ended(done run.Run, text string) response {
	r.Status = "completed"
	switch finish(done) {
	case "length":
		r.Status, r.Incomplete = "incomplete", &incomplete{"max_output_tokens"}
	case "content_filter":
		r.Status, r.Incomplete = "incomplete", &incomplete{"content_filter"}
	}
	r.Output = []outputItem{}
	if text != "" {
		r.Output = append(r.Output, r.message(r.Status, spoken(text)))
	}
	for i, c := range done.Calls {
		r.Output = append(r.Output, r.call(i, "completed", c, string(c.Args)))
	}
	u := done.Usage
	r.Usage = &responseUsage{Input: u.Input + u.CacheRead + u.CacheWrite, Output: u.Output}
	r.Usage.InputDetails.Cached, r.Usage.Total = u.CacheRead, r.Usage.Input+u.Output
	return r
}

// name is what the parts of a response are called after it.
func (r response) name() string { return strings.TrimPrefix(r.ID, responsePrefix) }

func (r response) message(status string, parts ...outputPart) outputItem {
	if parts == nil {
		parts = []outputPart{}
	}
	return outputItem{Type: "message", ID: "msg_" + r.name(), Status: status, Role: "assistant", Content: parts}
}

func (r response) call(i int, status string, c wit.ToolCall, args string) outputItem {
	return outputItem{Type: "function_call", ID: fmt.Sprintf("fc_%s_%d", r.name(), i), Status: status, CallID: c.ID, Name: c.Name, Arguments: &args}
}

func spoken(text string) outputPart {
	return outputPart{Type: "output_text", Text: text, Annotations: []string{}, Logprobs: []string{}}
}
