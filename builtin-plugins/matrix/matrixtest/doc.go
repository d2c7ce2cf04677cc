// Package matrixtest is a Matrix homeserver for tests: towards a client it behaves as the client-server API documents,
// and towards a test it is the other people in the rooms.
//
// A client talks HTTP to it: login by password, whoami, profiles, /sync with since-tokens, filters, limited timelines and
// lazy-loaded members, /messages in both directions, sending with transaction ids, redactions, relations, rooms with
// invitations, joins, leaves and upgrades, typing, receipts, account data, files behind the token, the user directory.
//
// A test drives it by Go methods: Register makes a user, whose methods say, send, invite and leave as a person would; Calls
// says what was asked of the server; Fail makes coming calls fail, be cut off before or after they took effect, or answer
// garbage; Rewind has syncs tell again what was told.
//
// It is one server without federation, encryption, spaces, push rules and moderation; whoever is in a room may do what its
// power levels do not forbid, of which it knows Mute alone. What it does not know it answers with M_UNRECOGNIZED, as servers
// do.
//
// The parts are World (users, rooms, the stream of events), faults, Journal and files; routes.go lists the calls, which
// account.go, rooms.go, send.go, sync.go, messages.go and media.go answer.
//
// Sources: spec.matrix.org/v1.16/client-server-api, by the names of its sections, for what is documented; the words of errors
// are Synapse's.
//
// All methods of a Server may be called from several goroutines. Nothing is written to disk.
package matrixtest
