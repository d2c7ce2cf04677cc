// Package slacktest is a Slack for tests: it behaves towards an app as the documented service does, and towards a test it
// is the people in the workspace.
//
// An app talks to its Web API below /api/, with parameters in a form, in JSON or in multipart, and gets events in one of
// two ways. With Socket Mode it asks apps.connections.open for the address of a websocket, which can be opened once; an
// envelope that is not acknowledged comes again, after Config.AckTimeout or on the next connection, in the order of the
// first time and without end (Slack gives up after three times). With Subscribe events are posted to the app, signed, one
// after the other, each again until a 2xx answers it; the first call is the challenge.
//
// A test drives it by Go methods: Say, Edit, Delete, React, Press and Command are what people do; Calls and Posts say what
// the app did; Fail makes coming calls fail, be cut off before or after they took effect, or answer garbage; Redeliver
// repeats what was acknowledged; Disconnect and Drop end connections as Slack does and as a network does.
//
// Sources: docs.slack.dev, "Web API methods", "Socket Mode implementation", "Events API", "Verifying requests from Slack",
// "Handling user interaction", by their names in comments.
//
// All methods of a Server may be called from several goroutines. Nothing is written to disk.
package slacktest
