package openai_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestModels(t *testing.T) {
	host := &sdktest.Host{Credentials: key, HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" || r.URL.Path != "/v1/models" || r.Header.Get("Authorization") != "Bearer sk-test" {
			http.Error(w, `{"error":{"message":"who are you?"}}`, http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"data":[{"id":"gpt-5"},{"id":"o3"},{"id":"text-embedding-3"},{"id":"gpt-4o-audio"},{}]}`)
	})}
	ask := func(config string) (*wit.ModelsAnswer, error) {
		query := &wit.ModelsQuery{Config: wit.JSON(config)}
		answer, err := openai.New().Models(host.SDK(), query)
		if err != nil {
			return nil, err
		}
		if query.Response, err = host.Do(answer.Request); err != nil {
			t.Fatal(err)
		}
		return openai.New().Models(host.SDK(), query)
	}
	answer, err := ask("")
	if err != nil || len(answer.Models) != 2 || answer.Models[0].ID != "gpt-5" || answer.Models[1].ID != "o3" {
		t.Errorf("%+v, %v", answer, err)
	}
	if answer, err := ask(`{"baseUrl":"http://home/v1"}`); err != nil || len(answer.Models) != 4 {
		t.Errorf("at home: %+v, %v", answer, err)
	}
	if _, err := ask(`{"baseUrl":"http://home/other"}`); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("refused: %v", err)
	}
	_, err = openai.New().Models(host.SDK(), &wit.ModelsQuery{Response: &wit.HTTPResponse{Status: 200, Text: new("<html>")}})
	if wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("garbage: %v", err)
	}
}

// TestFactsOfModels: what lists say of models beside their names.
func TestFactsOfModels(t *testing.T) {
	for item, want := range map[string]wit.Model{
		`{"id":"a","name":"A","context_length":1000,"architecture":{"input_modalities":["text","image"]},"supported_parameters":["tools","reasoning"],"top_provider":{"max_completion_tokens":50}}`: {ID: "a", Name: "A", ContextWindow: 1000, MaxOutput: 50, Images: true, Tools: true, Reasoning: true},
		`{"id":"b","context_length":8000,"supported_parameters":["temperature"]}`:                                             {ID: "b", Name: "b", ContextWindow: 8000},
		`{"id":"c","context_window":131072,"max_completion_tokens":65536}`:                                                    {ID: "c", Name: "c", ContextWindow: 131072, MaxOutput: 65536, Tools: true},
		`{"id":"d","max_context_length":32768,"capabilities":{"completion_chat":true,"function_calling":true,"vision":true}}`: {ID: "d", Name: "d", ContextWindow: 32768, Images: true, Tools: true},
		`{"id":"e","max_model_len":4096}`:                     {ID: "e", Name: "e", ContextWindow: 4096, Tools: true},
		`{"id":"f","capabilities":{"completion_chat":false}}`: {},
	} {
		response := &wit.HTTPResponse{Status: 200, Text: new(`{"data":[` + item + `]}`)}
		answer, err := openai.New().Models((&sdktest.Host{}).SDK(), &wit.ModelsQuery{Config: wit.JSON(`{"preset":"groq"}`), Response: response})
		if err != nil || len(answer.Models) > 1 || (len(answer.Models) == 0) != (want.ID == "") || want.ID != "" && answer.Models[0] != want {
			t.Errorf("%s: %+v, %v", item, answer, err)
		}
	}
}
