// Package ollamatest is an Ollama server for tests, as docs.ollama.com has it: POST /api/chat, streamed or not, /api/show,
// /api/pull and /api/embed, and GET /api/tags.
//
//	s := ollamatest.New()
//	s.Play(ollamatest.Answer{Text: "Hello!"})
//	web := httptest.NewServer(s)
//
// What it answers is scripted: an Answer for each request that is not refused, which may have faults. What a model cannot do it
// refuses in the server's words. The project's own Go client takes it for a server; see client_test.go. A Server is safe for
// concurrent use.
package ollamatest
