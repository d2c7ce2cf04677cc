// Package turn answers: it takes a session's runs one after the other and makes of each a reply, out of
// the history, the hooks, a provider's stream and the tools.
//
// A run is durable at every step. Its start and the user's message are one transaction; each request of
// the model for tools, and each tool's result, is recorded when it is there; the reply, the end of the
// run and what is to be delivered are one transaction again, and only then announced. A run that was
// queued or running when the process ended goes on at Run, after its last recorded step. A tool call
// that was begun and not recorded is made again if the tool only reads; otherwise the model is told
// that its outcome is unknown. So each run has exactly one end: done, failed or aborted.
//
// Sessions are answered in parallel (eight at a time unless the settings say otherwise), the runs of one
// session in the order of their arrival. Text commands run without the model; /stop, /status, /help and
// /whoami do not wait for the run before them. A failure of the store leaves a run where it is and
// tries again later; a failure of the provider is retried while nothing of the answer was shown, then
// it ends the run, visibly.
//
// Events of one run come in order: lifecycle start, deltas and tools, lifecycle end, the chat's final.
// They are not repeated after a restart; clients read the history then.
//
// What a provider or tool sends is bounded: 1 MiB an event, 8 MiB a response, 64 KiB a tool's result,
// 25 rounds of tools a run. A run that was interrupted 25 times is given up. A Service is safe for
// concurrent use.
package turn
