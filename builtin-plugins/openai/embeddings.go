package openai

import (
	"encoding/base64"
	"encoding/binary"
	"math"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// Embeddings asks the server for vectors, and reads them. They are asked for in base64, which is a third as long as numbers; a
// server that does not know it gives numbers all the same.
func (Provider) Embeddings(host *sdk.Host, query *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
	c, err := newConfig(query.Config)
	if err != nil {
		return nil, err
	}
	if query.Response != nil {
		return readEmbeddings(query)
	}
	request, err := c.request(host, "POST", "/embeddings")
	if err != nil {
		return nil, err
	}
	body := json.Object{}.Text("model", query.Model).
		Array("input", func(list json.Array) json.Array {
			for _, text := range query.Texts {
				list = list.Add(json.Text(text))
			}
			return list
		}).
		Text("encoding_format", "base64")
	if query.Dimensions > 0 {
		body = body.Int("dimensions", int64(query.Dimensions))
	}
	request.JSON, request.Timeout = body.JSON(), c.timeout*1000
	return &wit.EmbeddingAnswer{Request: request}, nil
}

// readEmbeddings puts the vectors of a response in the order of the texts.
func readEmbeddings(query *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
	response, body := query.Response, ""
	if response.Text != nil {
		body = *response.Text
	}
	switch {
	case response.Error != nil:
		return nil, response.Error
	case response.Status != 200:
		return nil, failure(int64(response.Status), body, wait.Head(response.Headers))
	}
	list, err := json.ParseText(body)
	if err != nil || !list.Get("data").IsArray() {
		return nil, unreadableVectors()
	}
	answer := &wit.EmbeddingAnswer{Embeddings: make([]wit.Embedding, len(query.Texts)), Usage: &wit.Usage{Model: modelName(list.Get("model"))}}
	next := int64(0)
	for item := range list.Get("data").Items() {
		if index := item.Get("index"); index.Exists() {
			next = index.Int()
		}
		vector := vectorOf(item.Get("embedding"))
		if next < 0 || next >= int64(len(query.Texts)) || len(vector) == 0 {
			return nil, unreadableVectors()
		}
		answer.Embeddings[next].Vector = vector
		next++
	}
	for _, e := range answer.Embeddings {
		if len(e.Vector) == 0 {
			return nil, unreadableVectors()
		}
	}
	if read := list.Get("usage", "prompt_tokens").Int(); read > 0 {
		answer.Usage.Input = uint64(read)
	}
	return answer, nil
}

func unreadableVectors() error {
	return wit.NewError(wit.CodeUnavailable, "openai: the server's vectors cannot be read; check baseUrl and the model")
}

// vectorOf reads a vector in base64 or as a list of numbers; nil where it is neither.
func vectorOf(v json.Value) (vector []byte) {
	if v.IsText() {
		vector, _ = base64.StdEncoding.DecodeString(v.Text())
		if len(vector)%4 != 0 {
			return nil
		}
		return vector
	}
	if v.IsArray() {
		for n := range v.Items() {
			vector = binary.LittleEndian.AppendUint32(vector, math.Float32bits(float32(n.Float())))
		}
	}
	return vector
}
