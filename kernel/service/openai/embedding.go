package openai

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"

	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a request for vectors.
const (
	maxInputs     = 2048
	maxInput      = 256 << 10
	maxDimensions = 16384
)

// embeddingRequest is what is asked of /v1/embeddings.
type embeddingRequest struct {
	Model string `json:"model"`
	// Input is a text, or a list of them.
	Input json.RawMessage `json:"input"`
	// EncodingFormat is float when it is left out, or base64.
	EncodingFormat string  `json:"encoding_format"`
	Dimensions     *uint32 `json:"dimensions"`
}

type embeddingList struct {
	Object string         `json:"object"`
	Data   []embedding    `json:"data"`
	Model  string         `json:"model"`
	Usage  embeddingUsage `json:"usage"`
}

type embedding struct {
	Object string `json:"object"`
	Index  int    `json:"index"`
	// Embedding is a list of numbers, or base64 of them.
	Embedding any `json:"embedding"`
}

type embeddingUsage struct {
	Prompt uint64 `json:"prompt_tokens"`
	Total  uint64 `json:"total_tokens"`
}

// embeddings serves /v1/embeddings.
func (s *Service) embeddings(w http.ResponseWriter, r *http.Request) error {
	var q embeddingRequest
	if err := endpoint.Decode(w, r, &q); err != nil {
		return err
	}
	texts, err := q.texts()
	if err != nil {
		return err
	}
	var dimensions uint32
	if q.Dimensions != nil {
		dimensions = *q.Dimensions
	}
	list, used, model, err := s.Models.Embed(r.Context(), q.Model, texts, dimensions)
	switch {
	case wit.CodeOf(err) == wit.CodeInvalid:
		return &fieldError{wit.AsError(err), "model"}
	case err != nil:
		return err
	}
	read := used.Input + used.CacheRead + used.CacheWrite
	out := embeddingList{Object: "list", Data: []embedding{}, Model: model, Usage: embeddingUsage{read, read}}
	for i, e := range list {
		item := embedding{Object: "embedding", Index: i, Embedding: base64.StdEncoding.EncodeToString(e.Vector)}
		if q.EncodingFormat != "base64" {
			item.Embedding = numbers(e.Vector)
		}
		out.Data = append(out.Data, item)
	}
	endpoint.Write(w, http.StatusOK, out)
	return nil
}

// texts reads and checks what is to become vectors.
func (q embeddingRequest) texts() (list []string, err error) {
	switch {
	case q.Model == "":
		return nil, wrong("model", "name the model that makes the vectors, as provider/model")
	case q.EncodingFormat != "" && q.EncodingFormat != "float" && q.EncodingFormat != "base64":
		return nil, wrong("encoding_format", "encoding_format is %.40q: it must be float or base64", q.EncodingFormat)
	case q.Dimensions != nil && (*q.Dimensions == 0 || *q.Dimensions > maxDimensions):
		return nil, wrong("dimensions", "dimensions must be from 1 to %d", maxDimensions)
	}
	var one string
	if json.Unmarshal(q.Input, &one) == nil {
		list = []string{one}
	} else if json.Unmarshal(q.Input, &list) != nil {
		return nil, wrong("input", "input must be a text or a list of texts: tokens are one model's alone")
	}
	if len(list) == 0 || len(list) > maxInputs {
		return nil, wrong("input", "input has 1 to %d texts", maxInputs)
	}
	for _, text := range list {
		if text == "" || len(text) > maxInput {
			return nil, wrong("input", "a text of input has 1 to %d bytes", maxInput)
		}
	}
	return list, nil
}

// numbers are those of a vector.
func numbers(vector []byte) []float32 {
	list := make([]float32, 0, len(vector)/4)
	for i := 0; i+4 <= len(vector); i += 4 {
		n := math.Float32frombits(binary.LittleEndian.Uint32(vector[i:]))
		if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
			n = 0 // JSON has no such numbers
		}
		list = append(list, n)
	}
	return list
}
