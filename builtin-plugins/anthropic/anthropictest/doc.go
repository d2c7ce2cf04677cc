// Package anthropictest is a server of the Messages API for tests, as platform.claude.com/docs has it: POST /v1/messages,
// streamed or not, and GET /v1/models in pages.
//
//	s := anthropictest.New("sk-test")
//	s.Play(anthropictest.Answer{Blocks: []anthropictest.Block{anthropictest.Text("Hello!")}})
//	web := httptest.NewServer(s)
//
// What it answers is scripted: an Answer for each request, which may have faults. What it refuses is not: a request that the API
// would refuse gets 400 and the API's words. It signs thinking and checks the signatures that come back, for models that do so
// also against what stands before them; and it counts what a cache would have read, by the marks in the requests.
//
// The vendor's own client takes it for the API; see client_test.go. A Server is safe for concurrent use.
package anthropictest
