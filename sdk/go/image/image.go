// Package image, imported for its effect, has the gateway start a module once, and begin further instances as copies of that one: a
// copy takes a tenth of the time, and shares with the others the memory that it does not change.
//
//	import _ "github.com/carapace-gateway/carapace/sdk/go/image"
//
// Who imports it promises that what package variables and init functions leave is the same for each instance: they ask nothing of the
// host, and keep neither the time nor random numbers. It also promises that the module does without math/rand, whose numbers would
// be the same in each copy; those of crypto/rand are the host's, and differ. A module that asks something of the host before its
// first call is not copied.
package image
