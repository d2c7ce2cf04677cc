// Package channel is for plugins that are chat channels.
//
// A channel implements Channel, and of the optional interfaces those that its platform can do; the
// manifest's `operations` lists the same. Event is pure: it computes an answer from an event and the
// account's state and may not use HTTP. The kernel commits the answer's messages and state together and
// only then makes its requests and sends its frames, so an event may come again after a crash, with the
// state of before. Send and the optional methods may use HTTP and sockets and run on instances of their own, in
// order per conversation. Where a platform is spoken to over the account's connection, Send answers the frames to
// write there and the token that it awaits, and a later event's answer confirms that.
//
// An event whose handling fails is tried again three times; then Skip, if there is one, gives the state
// that steps over it.
package channel
