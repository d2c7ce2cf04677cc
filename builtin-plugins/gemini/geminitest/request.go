package geminitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// GenerateRequest is what is asked.
type GenerateRequest struct {
	SystemInstruction *Content         `json:"systemInstruction"`
	Contents          []Content        `json:"contents"`
	Tools             []Tool           `json:"tools"`
	ToolConfig        json.RawMessage  `json:"toolConfig"`
	SafetySettings    []SafetySetting  `json:"safetySettings"`
	GenerationConfig  GenerationConfig `json:"generationConfig"`
	CachedContent     string           `json:"cachedContent"`
	Model             string           `json:"model"`
}

// Content is what one side says.
type Content struct {
	Role  string `json:"role,omitempty"`
	Parts []Part `json:"parts"`
}

// Part is a piece of that: one of its fields, and what may stand beside.
type Part struct {
	Text             *string           `json:"text,omitempty"`
	InlineData       *Blob             `json:"inlineData,omitempty"`
	FileData         *FileData         `json:"fileData,omitempty"`
	FunctionCall     *FunctionCall     `json:"functionCall,omitempty"`
	FunctionResponse *FunctionResponse `json:"functionResponse,omitempty"`
	Thought          bool              `json:"thought,omitempty"`
	ThoughtSignature string            `json:"thoughtSignature,omitempty"`
}

// Blob is a file in base64.
type Blob struct {
	MimeType    string `json:"mimeType"`
	Data        []byte `json:"data"`
	DisplayName string `json:"displayName,omitempty"`
}

// FileData is a file by its address.
type FileData struct {
	MimeType string `json:"mimeType"`
	FileURI  string `json:"fileUri"`
}

// FunctionCall is what the model wants of a function.
type FunctionCall struct {
	ID   string          `json:"id,omitempty"`
	Name string          `json:"name"`
	Args json.RawMessage `json:"args,omitempty"`
}

// FunctionResponse is what the function answered.
type FunctionResponse struct {
	ID       string          `json:"id,omitempty"`
	Name     string          `json:"name"`
	Response json.RawMessage `json:"response"`
	Parts    []Part          `json:"parts,omitempty"`
}

// Tool is a list of functions.
type Tool struct {
	FunctionDeclarations []FunctionDeclaration `json:"functionDeclarations"`
}

// FunctionDeclaration is a function that the model may call.
type FunctionDeclaration struct {
	Name                 string          `json:"name"`
	Description          string          `json:"description"`
	Parameters           *Schema         `json:"parameters"`
	ParametersJSONSchema json.RawMessage `json:"parametersJsonSchema"`
}

// Schema has the words that the API knows.
type Schema struct {
	Type             string             `json:"type"`
	Format           string             `json:"format"`
	Title            string             `json:"title"`
	Description      string             `json:"description"`
	Nullable         bool               `json:"nullable"`
	Enum             []string           `json:"enum"`
	MaxItems         json.Number        `json:"maxItems"`
	MinItems         json.Number        `json:"minItems"`
	Properties       map[string]*Schema `json:"properties"`
	Required         []string           `json:"required"`
	MinProperties    json.Number        `json:"minProperties"`
	MaxProperties    json.Number        `json:"maxProperties"`
	MinLength        json.Number        `json:"minLength"`
	MaxLength        json.Number        `json:"maxLength"`
	Pattern          string             `json:"pattern"`
	Example          json.RawMessage    `json:"example"`
	AnyOf            []*Schema          `json:"anyOf"`
	PropertyOrdering []string           `json:"propertyOrdering"`
	Default          json.RawMessage    `json:"default"`
	Items            *Schema            `json:"items"`
	Minimum          json.Number        `json:"minimum"`
	Maximum          json.Number        `json:"maximum"`
}

// SafetySetting is how strict the filter is.
type SafetySetting struct {
	Category  string `json:"category"`
	Threshold string `json:"threshold"`
}

// GenerationConfig is how the model is to answer.
type GenerationConfig struct {
	StopSequences      []string        `json:"stopSequences"`
	ResponseMimeType   string          `json:"responseMimeType"`
	ResponseSchema     *Schema         `json:"responseSchema"`
	ResponseJSONSchema json.RawMessage `json:"responseJsonSchema"`
	CandidateCount     int             `json:"candidateCount"`
	MaxOutputTokens    int             `json:"maxOutputTokens"`
	Temperature        *float64        `json:"temperature"`
	TopP               *float64        `json:"topP"`
	TopK               *float64        `json:"topK"`
	Seed               *int32          `json:"seed"`
	ThinkingConfig     *ThinkingConfig `json:"thinkingConfig"`
	ResponseModalities []string        `json:"responseModalities"`
}

// ThinkingConfig is how much it is to think.
type ThinkingConfig struct {
	IncludeThoughts bool   `json:"includeThoughts"`
	ThinkingBudget  *int   `json:"thinkingBudget"`
	ThinkingLevel   string `json:"thinkingLevel"`
}

// strictly reads what has no field that is not known.
func strictly(body []byte, to any) *apiError {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(to)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return invalid("Invalid JSON payload received. Expected a value.")
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return invalid("Invalid JSON payload received. Unknown name " + name + ": Cannot find field.")
	}
	return invalid("Invalid value: " + err.Error())
}
