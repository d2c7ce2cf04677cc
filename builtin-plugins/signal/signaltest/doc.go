// Package signaltest is signal-cli's daemon over HTTP, for tests: it behaves towards a program as its man pages signal-cli(1) and
// signal-cli-jsonrpc(5) document, and towards a test it is the people who write to the account.
//
// A program posts JSON-RPC to /api/v1/rpc, and reads what comes as server-sent events from /api/v1/events; /api/v1/check says that
// the daemon runs. Names of commands, of their parameters and of fields are signal-cli's, and so are the codes of errors.
//
// What people send waits at Signal until the daemon receives it. With the receive mode on-connection it does so while somebody
// listens; with on-start, the default of the real one, always, and what nobody listens to is lost. What was written to a
// listener is gone: nothing acknowledges it, and nothing comes again. That a listener has gone is noticed as the real one does: when
// a second write to it fails, of an envelope or of the comment that keeps the stream alive.
//
// A test drives it by Go methods: Say, Write and its sisters have people write, Sent and Calls say what the program did, Fail makes
// coming requests fail, Break ends the streams, Repeat has envelopes come twice. Nothing is written to disk, and all methods of
// a Server may be called from several goroutines.
package signaltest
