// Package webhook is for plugins that answer HTTP calls of others. The manifest says at which addresses, and how who calls
// proves itself, which the gateway has checked by then.
package webhook

import "github.com/carapace-gateway/carapace/wit"

// Text answers a call with a status and a text, which may be empty.
func Text(status uint16, text string) *wit.WebhookReply {
	return &wit.WebhookReply{Status: status, Text: &text}
}
