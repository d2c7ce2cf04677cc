// Package sdk is what carapace plugins in Go are written with.
//
// A plugin implements the interface of what it wants to be (packages channel, provider, tool, hook,
// schedule), registers it from an init function, and is built with the standard toolchain:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o plugin.wasm .
//
// Every method gets a *Host, which is all that a plugin can reach: log, config, progress, kv, http, sockets, credential,
// schedule, emit, media. Each but the first three needs a permission in plugin.json; a method that is
// never called is not even imported by the module. Errors that come back are *wit.Error.
//
// Handlers compute and return. What they keep in memory between two calls may be gone at the next, so
// nothing that matters stays there. One instance serves one call at a time, so there is nothing to
// lock.
//
// Guests stay small by keeping away from fmt, encoding/json and reflect; package json beside this one
// reads and writes other people's JSON.
//
// The same code runs in `go test` without WebAssembly: package sdktest has a Host for tests.
package sdk
