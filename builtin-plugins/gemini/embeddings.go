package gemini

import (
	"encoding/binary"
	"math"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Embeddings asks for vectors, and reads them.
func (Provider) Embeddings(host *sdk.Host, query *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
	c, err := newConfig(query.Config)
	if err != nil {
		return nil, err
	}
	if query.Response != nil {
		return readEmbeddings(query)
	}
	model := resource(query.Model)
	request, err := c.request(host, "POST", "/"+model+":batchEmbedContents")
	if err != nil {
		return nil, err
	}
	request.JSON = json.Object{}.Array("requests", func(list json.Array) json.Array {
		for _, text := range query.Texts {
			list = list.Object(func(o json.Object) json.Object {
				o = o.Text("model", model).Object("content", func(o json.Object) json.Object {
					return o.Array("parts", func(parts json.Array) json.Array { return textPart(parts, text) })
				})
				if query.Dimensions > 0 {
					o = o.Int("outputDimensionality", int64(query.Dimensions))
				}
				return o
			})
		}
		return list
	}).JSON()
	request.Timeout = c.timeout * 1000
	return &wit.EmbeddingAnswer{Request: request}, nil
}

// readEmbeddings reads the vectors of a response, which are in the order of the texts.
func readEmbeddings(query *wit.EmbeddingQuery) (*wit.EmbeddingAnswer, error) {
	list, err := reply(query.Response, "embeddings")
	if err != nil {
		return nil, err
	}
	answer := &wit.EmbeddingAnswer{}
	for item := range list.Get("embeddings").Items() {
		vector := normalized(item.Get("values"))
		if len(vector) == 0 {
			break
		}
		answer.Embeddings = append(answer.Embeddings, wit.Embedding{Vector: vector})
	}
	if len(answer.Embeddings) != len(query.Texts) {
		return nil, wit.NewError(wit.CodeUnavailable, "gemini: the vectors cannot be read; check baseUrl and the model")
	}
	return answer, nil
}

// normalized is a vector of the length 1: those that were cut to fewer numbers come with another one. See "Embeddings" in
// the documentation of the API, "Ensuring quality for smaller dimensions".
func normalized(values json.Value) (vector []byte) {
	var sum float64
	for n := range values.Items() {
		sum += n.Float() * n.Float()
	}
	if length := math.Sqrt(sum); length > 0 {
		for n := range values.Items() {
			vector = binary.LittleEndian.AppendUint32(vector, math.Float32bits(float32(n.Float()/length)))
		}
	}
	return vector
}
