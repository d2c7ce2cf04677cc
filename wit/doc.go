// Package wit is the contract between the gateway and its plugins.
//
// The *.wit files say it. Generated from them by sdk/gen, and not edited, are the types with their codecs
// and checks, the tables of functions, bounds and patterns, what follows from a manifest's kinds and
// permissions, and plugin.schema.json. By hand are what an Error does, which every boundary of the gateway
// passes on, JSON, looking things up in the table of functions, and what the checks share; what the codecs
// share is package codec.
//
// The codecs use no reflection, so that they cost a guest little. Writers leave out zero values. Readers
// pass over unknown fields, or with UnmarshalStrict refuse them; they bound the depth of what they read
// and the length of its lists, and call what does not fit `invalid`.
//
// Both sides of the boundary import this package, and it imports neither. Its values are plain data: they
// belong to whoever has them and may be read concurrently.
package wit
