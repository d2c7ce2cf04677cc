package bedrocktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Converse is what is asked.
type Converse struct {
	System     []Block   `json:"system"`
	Messages   []Message `json:"messages"`
	ToolConfig *struct {
		Tools []struct {
			CachePoint *CachePoint `json:"cachePoint"`
			ToolSpec   struct {
				Name        string `json:"name"`
				Description string `json:"description"`
				InputSchema struct {
					JSON json.RawMessage `json:"json"`
				} `json:"inputSchema"`
			} `json:"toolSpec"`
		} `json:"tools"`
	} `json:"toolConfig"`
	InferenceConfig struct {
		MaxTokens     int      `json:"maxTokens"`
		Temperature   *float64 `json:"temperature"`
		TopP          *float64 `json:"topP"`
		StopSequences []string `json:"stopSequences"`
	} `json:"inferenceConfig"`
	Additional struct {
		Thinking *struct {
			Type    string `json:"type"`
			Budget  int    `json:"budget_tokens"`
			Display string `json:"display"`
		} `json:"thinking"`
		OutputConfig *struct {
			Effort string `json:"effort"`
		} `json:"output_config"`
	} `json:"additionalModelRequestFields"`
}

// Message is what one side says.
type Message struct {
	Role    string  `json:"role"`
	Content []Block `json:"content"`
}

// CachePoint ends the beginning of a request that is to be kept.
type CachePoint struct {
	Type string `json:"type"`
}

// Block is a part of that; one of its fields.
type Block struct {
	Text       *string     `json:"text"`
	CachePoint *CachePoint `json:"cachePoint"`
	Image      *struct {
		Format string `json:"format"`
		Source struct {
			Bytes []byte `json:"bytes"`
		} `json:"source"`
	} `json:"image"`
	Document *struct {
		Format string `json:"format"`
		Name   string `json:"name"`
		Source struct {
			Bytes []byte `json:"bytes"`
		} `json:"source"`
	} `json:"document"`
	ToolUse *struct {
		ToolUseID string          `json:"toolUseId"`
		Name      string          `json:"name"`
		Input     json.RawMessage `json:"input"`
	} `json:"toolUse"`
	ToolResult *struct {
		ToolUseID string  `json:"toolUseId"`
		Content   []Block `json:"content"`
		Status    string  `json:"status"`
	} `json:"toolResult"`
	ReasoningContent *struct {
		ReasoningText *struct {
			Text      string `json:"text"`
			Signature string `json:"signature"`
		} `json:"reasoningText"`
		RedactedContent []byte `json:"redactedContent"`
	} `json:"reasoningContent"`
}

// check reads a request to a model and says what the API refuses of it: the kind of failure, empty for none, and its words.
func (s *Server) check(id string, body []byte, c *Converse) (kind, problem string) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return "ValidationException", "Malformed input request: " + err.Error()
	}
	m := modelOf(id)
	if kind, problem = m.keeps(c.points()); kind != "" {
		return kind, problem
	}
	if problem = m.takes(c); problem == "" {
		problem = s.conversation(&m, c)
	}
	if problem != "" {
		return "ValidationException", problem
	}
	return "", ""
}

// points are the places of the cachePoint blocks.
func (c *Converse) points() (list []place) {
	if c.ToolConfig != nil {
		for i, tool := range c.ToolConfig.Tools {
			if tool.CachePoint != nil {
				list = append(list, place{"tools", fmt.Sprintf("toolConfig/tools/%d", i)})
			}
		}
	}
	for i, b := range c.System {
		if b.CachePoint != nil {
			list = append(list, place{"system", fmt.Sprintf("system/%d", i)})
		}
	}
	for i, m := range c.Messages {
		for j, b := range m.Content {
			at := place{"messages", fmt.Sprintf("messages/%d/content/%d", i, j)}
			if j > 0 && m.Content[j-1].ToolResult != nil {
				at.name = "results"
			}
			if b.CachePoint != nil {
				list = append(list, at)
			}
		}
	}
	return list
}

// conversation says what the API refuses of what was said.
func (s *Server) conversation(asked *model, c *Converse) string {
	if len(c.Messages) == 0 || c.Messages[0].Role != "user" {
		return "A conversation must start with a user message. Try again with a conversation that starts with a user message."
	}
	if problem := c.documents(); problem != "" {
		return problem
	}
	open := map[string]bool{}
	for i, m := range c.Messages {
		if i > 0 && m.Role == c.Messages[i-1].Role {
			return "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again."
		}
		if len(m.Content) == 0 {
			return fmt.Sprintf("The content field in the Message object at messages.%d is empty.", i)
		}
		if m.documents() && !m.says() {
			return fmt.Sprintf("The Message object at messages.%d has a document and no text. Add a ContentBlock object with a text field to the content, and try again.", i)
		}
		if problem := s.message(c, &m, open); problem != "" {
			return problem
		}
		if problem := s.signatures(&m, asked.bound, c.before(i)); problem != "" {
			return problem
		}
		if m.Role == "user" && len(open) > 0 {
			return "Expected toolResult blocks at messages." + fmt.Sprint(i) + ".content for the toolUse blocks before them."
		}
	}
	return ""
}

var documentName = regexp.MustCompile(`^[A-Za-z0-9()[\]-]+( [A-Za-z0-9()[\]-]+)*$`)

// documents says what the API refuses of the documents of a request: there are five at most, and each has a name of its own.
func (c *Converse) documents() string {
	names := map[string]bool{}
	for _, m := range c.Messages {
		for _, b := range m.Content {
			switch {
			case b.Document == nil:
				continue
			case !documentName.MatchString(b.Document.Name) || len(b.Document.Name) > 200:
				return "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets."
			case names[b.Document.Name]:
				return "Messages can't contain duplicate document names. Rename the document and retry your request."
			}
			if names[b.Document.Name] = true; len(names) > 5 {
				return "The number of documents in the request is more than 5."
			}
		}
	}
	return ""
}

func (m *Message) documents() bool {
	return slices.ContainsFunc(m.Content, func(b Block) bool { return b.Document != nil })
}

func (m *Message) says() bool {
	return slices.ContainsFunc(m.Content, func(b Block) bool { return b.Text != nil })
}

// message looks at one message. open are the calls that have no result so far.
func (s *Server) message(c *Converse, m *Message, open map[string]bool) string {
	for _, b := range m.Content {
		switch {
		case b.Text != nil && strings.TrimSpace(*b.Text) == "":
			return "The text field in the ContentBlock object is blank. Add text to the text field, and try again."
		case b.ToolUse != nil || b.ToolResult != nil:
			if c.ToolConfig == nil || len(c.ToolConfig.Tools) == 0 {
				return "The toolConfig field must be defined when using toolUse and toolResult content blocks."
			}
		}
		if u := b.ToolUse; u != nil {
			open[u.ToolUseID] = true
		}
		if r := b.ToolResult; r != nil {
			if !open[r.ToolUseID] || len(r.Content) == 0 {
				return "The toolResult blocks contain an id that is not among the toolUse blocks of the previous turn."
			}
			delete(open, r.ToolUseID)
		}
	}
	return ""
}

// reasoning is what a model thought, and all that stood before it.
type reasoning struct{ text, before string }

// before is all that stands before a message, without the cachePoint blocks.
func (c *Converse) before(n int) string {
	bare := func(blocks []Block) []Block {
		return slices.DeleteFunc(slices.Clone(blocks), func(b Block) bool { return b.CachePoint != nil })
	}
	var tools, messages []any
	if c.ToolConfig != nil {
		for _, tool := range c.ToolConfig.Tools {
			if tool.CachePoint == nil {
				tools = append(tools, tool.ToolSpec)
			}
		}
	}
	for _, m := range c.Messages[:n] {
		messages = append(messages, m.Role, bare(m.Content))
	}
	text, _ := json.Marshal([]any{bare(c.System), tools, messages}) // it was read as JSON
	return string(text)
}

// signatures looks at a message's reasoning: whether it is as it came and, where it is bound to that, after what it came.
func (s *Server) signatures(m *Message, bound bool, before string) string {
	for _, b := range m.Content {
		if b.ReasoningContent == nil || b.ReasoningContent.ReasoningText == nil {
			continue
		}
		s.mu.Lock()
		thought, known := s.signed[b.ReasoningContent.ReasoningText.Signature]
		s.mu.Unlock()
		switch {
		case !known || thought.text != b.ReasoningContent.ReasoningText.Text:
			return "The model returned the following errors: Invalid `signature` in `thinking` block"
		case bound && thought.before != before:
			return "The model returned the following errors: Invalid `signature` in `thinking` block. The block is bound to a different conversation."
		}
	}
	return ""
}
