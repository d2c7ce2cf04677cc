// Package wire is what travels between a client and the gateway: frames, connect and hello-ok, error
// frames, close codes, roles and scopes, for the protocol numbers 3 and 4.
//
// It holds data and its bounds, and no connection: the gateway reads and writes, the client package
// does the same from the other end. Decoding is strict about what a frame must have (an object, a
// type, an id that is not blank), bounded in depth before anything is parsed, and tolerant of unknown
// top-level fields, which newer clients add. Everything in a decoded value was said by the peer and
// proves nothing until auth has looked at it.
//
// Nothing here keeps state; all functions are safe for concurrent use.
package wire
