// Package sdktest runs plugins in `go test`, without WebAssembly.
//
// A Host answers everything that a plugin may ask for from memory: kv, configuration, credentials that
// are only ever seen by the test's HTTP handler, jobs, events, log lines, progress. Replay runs a transcript,
// the file format in which a plugin's calls are recorded and replayed.
package sdktest
