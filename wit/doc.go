// Package wit is the contract between the gateway and its plugins.
//
// The *.wit files say it; the types, their codecs, the table of functions and plugin.schema.json are
// generated from them by sdk/gen and not edited. By hand are Error with its codes, which every boundary
// of the gateway passes on, JSON, and what the codecs share.
//
// The codecs use no reflection, so that they cost a guest little. Writers leave out zero values. Readers
// pass over unknown fields, or with UnmarshalStrict refuse them; they bound the depth of what they read
// and the length of its lists, and call what does not fit `invalid`.
//
// Both sides of the boundary import this package, and it imports neither. Its values are plain data: they
// belong to whoever has them and may be read concurrently.
package wit
