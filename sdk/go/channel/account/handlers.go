package account

import "github.com/carapace-gateway/carapace/wit"

// Handlers are the functions that handle each kind of event on a turn of type T; a kind without one is passed over, and so is an
// event that lacks what its kind has to bring.
type Handlers[T any] struct {
	Start    func(T)
	Response func(T, *wit.HTTPResponse)
	Opened   func(T, *wit.Opened) // of a connection; what is told of it may be nil
	Message  func(T, *wit.Frame)
	Closed   func(T, *wit.Closed) // of a connection; what is told of it may be nil
	Webhook  func(T, *wit.WebhookRequest)
	Timer    func(turn T, id string)
	Command  func(turn T, name string)
}

// Handle calls the function for an event.
func (h *Handlers[T]) Handle(turn T, event *wit.ChannelEvent) {
	switch event.Kind {
	case wit.EventKindStart:
		if h.Start != nil {
			h.Start(turn)
		}
	case wit.EventKindOpened:
		if h.Opened != nil {
			h.Opened(turn, event.Opened)
		}
	case wit.EventKindClosed:
		if h.Closed != nil {
			h.Closed(turn, event.Closed)
		}
	case wit.EventKindTimer:
		if h.Timer != nil && event.Timer != nil {
			h.Timer(turn, *event.Timer)
		}
	case wit.EventKindCommand:
		if h.Command != nil && event.Command != nil {
			h.Command(turn, event.Command.Name)
		}
	case wit.EventKindResponse:
		with(h.Response, turn, event.Response)
	case wit.EventKindMessage:
		with(h.Message, turn, event.Message)
	case wit.EventKindWebhook:
		with(h.Webhook, turn, event.Webhook)
	}
}

func with[T, P any](f func(T, *P), turn T, what *P) {
	if f != nil && what != nil {
		f(turn, what)
	}
}
