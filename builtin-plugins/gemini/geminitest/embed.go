package geminitest

import (
	"hash/fnv"
	"io"
	"net/http"
)

// embedRequest is a text to make a vector of.
type embedRequest struct {
	Model                string  `json:"model"`
	Content              Content `json:"content"`
	TaskType             string  `json:"taskType"`
	Title                string  `json:"title"`
	OutputDimensionality int     `json:"outputDimensionality"`
}

// embedAll answers with a vector for each text, made of it alone: equal texts have equal vectors.
func embedAll(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var all struct {
		Requests []embedRequest `json:"requests"`
	}
	if problem := strictly(body, &all); problem != nil {
		problem.write(w)
		return
	}
	if len(all.Requests) == 0 || len(all.Requests) > 100 {
		invalid("* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch").write(w)
		return
	}
	type embedding struct {
		Values []float64 `json:"values"`
	}
	var list []embedding
	for _, e := range all.Requests {
		if len(e.Content.Parts) == 0 || e.Content.Parts[0].Text == nil || *e.Content.Parts[0].Text == "" {
			invalid("* EmbedContentRequest.content: empty text").write(w)
			return
		}
		values := make([]float64, max(e.OutputDimensionality, 1))
		for i := range values {
			h := fnv.New32a()
			_, _ = h.Write(append([]byte(*e.Content.Parts[0].Text), byte(i))) // a hash takes all
			values[i] = float64(h.Sum32()%1000) + 1
		}
		list = append(list, embedding{values})
	}
	writeJSON(w, http.StatusOK, map[string]any{"embeddings": list})
}
