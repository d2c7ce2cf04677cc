package openaitest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Asked is what is asked.
type Asked struct {
	Model           string          `json:"model"`
	Instructions    string          `json:"instructions"`
	Input           Input           `json:"input"`
	Tools           []Tool          `json:"tools"`
	ToolChoice      json.RawMessage `json:"tool_choice"`
	Stream          bool            `json:"stream"`
	StreamOptions   json.RawMessage `json:"stream_options"`
	Store           *bool           `json:"store"`
	Include         []string        `json:"include"`
	Reasoning       *Reasoning      `json:"reasoning"`
	Text            json.RawMessage `json:"text"`
	MaxOutputTokens int             `json:"max_output_tokens"`
	Temperature     *float64        `json:"temperature"`
	TopP            *float64        `json:"top_p"`
	PromptCacheKey  string          `json:"prompt_cache_key"`
	ParallelCalls   *bool           `json:"parallel_tool_calls"`
	Metadata        json.RawMessage `json:"metadata"`
}

// Reasoning is how much a model is to reason.
type Reasoning struct {
	Effort  string `json:"effort"`
	Summary string `json:"summary"`
}

// Tool is a function, or of the type image_generation.
type Tool struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
	Strict      *bool           `json:"strict"`
}

// pictures reports whether the model may make any.
func (a *Asked) pictures() bool {
	return slices.ContainsFunc(a.Tools, func(t Tool) bool { return t.Type == "image_generation" })
}

// Input is a list of items; a text alone is one of the user.
type Input []Item

// Item is a message, reasoning, a call, or what a function answered.
type Item struct {
	Type             string          `json:"type"`
	ID               string          `json:"id"`
	Role             string          `json:"role"`
	Phase            string          `json:"phase"`
	Content          json.RawMessage `json:"content"`
	Status           string          `json:"status"`
	Summary          json.RawMessage `json:"summary"`
	EncryptedContent string          `json:"encrypted_content"`
	CallID           string          `json:"call_id"`
	Name             string          `json:"name"`
	Arguments        string          `json:"arguments"`
	Output           json.RawMessage `json:"output"`

	raw json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (in *Input) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		content, _ := json.Marshal(text) // a text
		*in = Input{{Type: "message", Role: "user", Content: content}}
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	for _, raw := range list {
		item := Item{raw: raw}
		if err := strictly(raw, &item); err != nil {
			return err
		}
		*in = append(*in, item)
	}
	return nil
}

func strictly(data []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

// read reads a request and says what is wrong with it.
func (a *Asked) read(body []byte) string {
	err := strictly(body, a)
	if err == nil {
		return ""
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return "Unknown parameter: " + name + "."
	}
	return "We could not parse the JSON body of your request: " + err.Error()
}

// reasons reports whether a model reasons.
func reasons(model string) bool { return !strings.HasPrefix(model, "gpt-4") }

// check says what the API refuses.
func (s *Server) check(a *Asked) string {
	switch {
	case a.Model == "":
		return "Missing required parameter: 'model'."
	case len(a.Input) == 0:
		return "Missing required parameter: 'input'."
	case a.Reasoning != nil && !reasons(a.Model):
		return "Unsupported parameter: 'reasoning.effort' is not supported with this model."
	case len(a.Include) > 0 && !reasons(a.Model):
		return "Encrypted content is not supported with this model."
	case a.Temperature != nil && reasons(a.Model):
		return "Unsupported parameter: 'temperature' is not supported with this model."
	}
	for i, t := range a.Tools {
		if t.Type != "image_generation" && (t.Type != "function" || t.Name == "") {
			return fmt.Sprintf("Invalid 'tools[%d]'.", i)
		}
	}
	open := map[string]bool{}
	for i := range a.Input {
		if problem := s.checkItem(a.Input, i, open); problem != "" {
			return problem
		}
	}
	for id := range open {
		return "No tool output found for function call " + id + "."
	}
	return ""
}

// checkItem looks at one item. open are the calls that have no result so far.
func (s *Server) checkItem(list Input, i int, open map[string]bool) string {
	item := &list[i]
	switch item.Type {
	case "message", "":
		if item.Role == "" || len(item.Content) == 0 {
			return fmt.Sprintf("Missing required parameter: 'input[%d].content'.", i)
		}
		if item.Role == "user" {
			return checkContent(item.Content, i)
		}
	case "function_call":
		var args map[string]any
		if item.CallID == "" || item.Name == "" || json.Unmarshal([]byte(item.Arguments), &args) != nil {
			return fmt.Sprintf("Invalid 'input[%d]': a call has call_id, name and arguments.", i)
		}
		open[item.CallID] = true
	case "function_call_output":
		if !open[item.CallID] {
			return "No tool call found for function call output with call_id " + item.CallID + "."
		}
		delete(open, item.CallID)
		return checkContent(item.Output, i)
	case "reasoning":
		if item.EncryptedContent == "" {
			return "Item with id '" + item.ID + "' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input."
		}
		if !s.same(item) {
			return "The encrypted content for item " + item.ID + " could not be verified."
		}
		if i+1 == len(list) || list[i+1].Type != "function_call" && list[i+1].Type != "reasoning" && list[i+1].Role != "assistant" {
			return "Item '" + item.ID + "' of type 'reasoning' was provided without its required following item."
		}
	default:
		return "Invalid value: '" + item.Type + "'."
	}
	return ""
}

// part is one part of what a user says.
type part struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	ImageURL string `json:"image_url"`
	Detail   string `json:"detail"`
	Filename string `json:"filename"`
	FileData string `json:"file_data"`
}

// checkContent looks at what a user says: a text, or parts, whose files are PDFs.
func checkContent(content json.RawMessage, i int) string {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return ""
	}
	var parts []part
	if err := strictly(content, &parts); err != nil {
		return fmt.Sprintf("Invalid 'input[%d].content': %v.", i, err)
	}
	for n, p := range parts {
		_, data, encoded := strings.Cut(p.FileData, "data:application/pdf;base64,")
		file, err := base64.StdEncoding.DecodeString(data)
		switch {
		case p.Type == "input_text", p.Type == "input_image" && p.ImageURL != "":
		case p.Type != "input_file":
			return fmt.Sprintf("Invalid value: '%s'. Supported values are: 'input_text', 'input_image' and 'input_file'.", p.Type)
		case p.Filename == "":
			return fmt.Sprintf("Missing required parameter: 'input[%d].content[%d].filename'.", i, n)
		case !encoded || err != nil || !bytes.HasPrefix(file, []byte("%PDF-")):
			return fmt.Sprintf("Invalid 'input[%d].content[%d].file_data'. Expected a base64-encoded data URL with an application/pdf MIME type.", i, n)
		}
	}
	return ""
}

// same reports whether reasoning is what was sent, as JSON.
func (s *Server) same(item *Item) bool {
	var value map[string]any
	if json.Unmarshal(item.raw, &value) != nil {
		return false
	}
	delete(value, "status")        // which libraries leave out
	text, _ := json.Marshal(value) // it was JSON before
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issued[item.ID] == string(text)
}
