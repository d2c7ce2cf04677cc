package sdk

import "github.com/carapace-gateway/carapace/wit"

// Send queues a message through one of the gateway's channels, and returns what the gateway calls it. The same
// IdempotencyKey again is the same message, so whatever is repeated after a crash sends it once. Permission
// `messageSend`.
func (h *Host) Send(message *wit.OutgoingMessage) (delivery string, err error) {
	var queued wit.MessageQueued
	err = call(h, messageSend, message, &queued)
	return queued.Delivery, err
}
