package channel

import (
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
)

// act does what an answer asks for, after its commit. A replayed event's answer has only its messages: the
// account has gone on meanwhile.
func (l *loop) act(in *input, r *attempted) {
	l.report.committed(r.done)
	l.show()
	for _, n := range r.done.News {
		inbox.ReceivedKind.Publish(l.bus, n)
	}
	if in.letter == "" && l.wanted(in) {
		if l.report.said(r.answer.Status, in.event.Kind, l.redact) {
			l.publish()
		}
		l.report.heard(in)
		l.traffic.perform(r.plugin, in, r.answer)
	}
	l.finish(in, outcome{reply: r.answer.Reply, status: r.answer.Status, secure: in.from != nil && in.from.securing})
	for _, x := range r.answer.Receipts {
		ReceiptKind.Publish(l.bus, Receipt{Channel: l.id.Channel, Account: l.id.ID, Receipt: x})
	}
}
