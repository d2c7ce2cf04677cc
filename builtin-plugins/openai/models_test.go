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
