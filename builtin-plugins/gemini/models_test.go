package gemini_test

import (
	"encoding/binary"
	"math"
	"net/http"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/gemini"
	"github.com/carapace-gateway/carapace/builtin-plugins/gemini/geminitest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// list asks for the models page by page, as the gateway does.
func list(t *testing.T, h *sdktest.Host) (models []wit.Model, pages int, err error) {
	t.Helper()
	query := &wit.ModelsQuery{}
	for {
		answer, err := gemini.New().Models(h.SDK(), query)
		if err != nil {
			return nil, pages, err
		}
		models = append(models, answer.Models...)
		if answer.Request == nil {
			return models, pages, nil
		}
		pages++
		if query.Response, err = h.Do(answer.Request); err != nil {
			t.Fatal(err)
		}
	}
}

func TestModels(t *testing.T) {
	s := geminitest.New()
	for _, most := range []int{0, 2} {
		s.PageLimit(most)
		models, pages, err := list(t, host(s))
		if err != nil || len(models) != 9 || pages > 1 != (most > 0) {
			t.Fatalf("%d models in %d pages, %v", len(models), pages, err)
		}
		want := wit.Model{ID: "gemini-2.5-pro", Name: "Gemini 2.5 Pro", ContextWindow: 1 << 20, MaxOutput: 65536, Reasoning: true, Images: true, Tools: true}
		if models[2] != want {
			t.Errorf("%+v", models[2])
		}
		if gemma := models[6]; gemma.Tools || gemma.Reasoning || !gemma.Images {
			t.Errorf("%+v", gemma)
		}
		if painter := models[7]; painter.ID != "gemini-2.5-flash-image" || painter.Tools || !painter.Images {
			t.Errorf("%+v", painter)
		}
	}
	h := host(s)
	h.Credentials["api_key"] = "wrong"
	if _, _, err := list(t, h); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("a wrong key: %v", err)
	}
	for _, body := range []string{"<html>", "[]", `{"models":{}}`} {
		if _, err := gemini.New().Models(host(nil).SDK(), &wit.ModelsQuery{Response: &wit.HTTPResponse{Status: 200, Text: new(body)}}); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestEmbeddings: vectors in the order of the texts, each of the length 1; and what is no answer.
func TestEmbeddings(t *testing.T) {
	embed := func(h *sdktest.Host, texts ...string) (*wit.EmbeddingAnswer, error) {
		query := &wit.EmbeddingQuery{Model: "gemini-embedding-001", Texts: texts, Dimensions: 8}
		plan, err := gemini.New().Embeddings(h.SDK(), query)
		if err != nil {
			return nil, err
		}
		if query.Response, err = h.Do(plan.Request); err != nil {
			t.Fatal(err)
		}
		return gemini.New().Embeddings(h.SDK(), query)
	}
	answer, err := embed(host(geminitest.New()), "a", "b", "a")
	if err != nil || len(answer.Embeddings) != 3 {
		t.Fatalf("%+v, %v", answer, err)
	}
	v := answer.Embeddings
	if string(v[0].Vector) != string(v[2].Vector) || string(v[0].Vector) == string(v[1].Vector) || len(v[0].Vector) != 32 {
		t.Errorf("%x", v)
	}
	var sum float64
	for i := 0; i < 32; i += 4 {
		n := float64(math.Float32frombits(binary.LittleEndian.Uint32(v[0].Vector[i:])))
		sum += n * n
	}
	if math.Abs(sum-1) > 1e-3 {
		t.Errorf("the length is %f", sum)
	}
	if _, err := embed(host(geminitest.New()), ""); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("an empty text: %v", err)
	}
	for _, body := range []string{`{}`, `{"embeddings":[{"values":[]}]}`, `{"embeddings":[{"values":[1]},{"values":[2]}]}`, `no JSON`} {
		h := host(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		if _, err := embed(h, "a"); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("%s: %v", body, err)
		}
	}
}
