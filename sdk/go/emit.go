package sdk

import "github.com/carapace-gateway/carapace/wit"

// Emit sends an event to the gateway's clients, who see it under the plugin's id. Permission `emit`.
func (h *Host) Emit(name string, payload wit.JSON) error {
	return call(h, emitPublish, &wit.EmittedEvent{Name: name, Payload: payload}, &wit.Done{})
}
