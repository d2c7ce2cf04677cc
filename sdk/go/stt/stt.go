// Package stt is for plugins that write down what is said in recordings. A recording is named, and not read: a request sends
// it on by reference.
package stt

import "github.com/carapace-gateway/carapace/wit"

// Part returns the recording as a part of a request, under the name that the server's form has for it.
func Part(name string, r *wit.Recording) wit.HTTPPart {
	return wit.HTTPPart{Name: name, Media: &r.Media}
}
