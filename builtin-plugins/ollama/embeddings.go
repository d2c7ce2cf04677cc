package ollama

import (
	"encoding/binary"
	"math"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// Embeddings asks the server for vectors, and reads them.
func (Provider) Embeddings(host *sdk.Host, query *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
	c, err := newConfig(query.Config)
	if err != nil {
		return nil, err
	}
	if query.Response != nil {
		return readEmbeddings(query)
	}
	request, err := c.request(host, "POST", "/api/embed")
	if err != nil {
		return nil, err
	}
	body := json.Object{}.Text("model", query.Model).Array("input", func(list json.Array) json.Array {
		for _, text := range query.Texts {
			list = list.Add(json.Text(text))
		}
		return list
	})
	if query.Dimensions > 0 {
		body = body.Int("dimensions", int64(query.Dimensions))
	}
	request.JSON, request.Timeout = c.stay(body).JSON(), c.timeout*1000
	return &wit.EmbeddingAnswer{Request: request}, nil
}

// readEmbeddings reads the vectors of a response, which are in the order of the texts.
func readEmbeddings(query *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
	response, body := query.Response, textOfResponse(query.Response)
	switch {
	case response.Error != nil:
		return nil, response.Error
	case response.Status != 200:
		return nil, failure(int64(response.Status), body, wait.Head(response.Headers))
	}
	v, err := json.ParseText(body)
	answer := &wit.EmbeddingAnswer{Usage: &wit.Usage{Input: uint64(max(v.Get("prompt_eval_count").Int(), 0))}}
	for item := range v.Get("embeddings").Items() {
		var vector []byte
		for n := range item.Items() {
			vector = binary.LittleEndian.AppendUint32(vector, math.Float32bits(float32(n.Float())))
		}
		if len(vector) > 0 {
			answer.Embeddings = append(answer.Embeddings, wit.Embedding{Vector: vector})
		}
	}
	if err != nil || len(answer.Embeddings) != len(query.Texts) {
		return nil, wit.NewError(wit.CodeUnavailable, "ollama: the server's vectors cannot be read; check baseUrl and the model")
	}
	return answer, nil
}
