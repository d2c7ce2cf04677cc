// Package channeltest is what the tests of all channels share: the features that a channel can have and which test proves
// them, what a platform's test server is for a crowd of people who write to an account, and the count of what became of
// their messages.
//
// What the test servers share stands in its packages change, web and fault, what their crowds share in crowd; package rig runs one
// account of a plugin without a gateway. It needs nothing but the SDK, so it serves the channels of others as it does the built-in ones.
//
// With a whole gateway, builtin-plugins/channeltest/storm has such a crowd write to it in memory, while the platform does badly and the
// plugin is loaded anew; cmd/demo does the same to a process that it kills.
package channeltest
