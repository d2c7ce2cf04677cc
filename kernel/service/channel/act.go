package channel

import (
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/wit"
)

// committed tells what came in.
func (l *loop) committed(done *inbox.Result) {
	l.report.committed(*done)
	l.show()
	for _, n := range done.News {
		inbox.ReceivedKind.Publish(l.bus, n)
	}
}

// act does what an answer asks for, after its commit. A replayed event's answer has only its messages: the
// account has gone on meanwhile.
func (l *loop) act(in *input, p Plugin, a *wit.ChannelAnswer) {
	if in.letter == "" && l.wanted(in) {
		if l.report.said(a.Status, in.event.Kind, l.redact) {
			if l.report.status.State == wit.ConnectionStateConnected {
				l.bench.state.hurry(time.Now()) // from where on messages are the account's may stand there alone
			}
			l.publish()
		}
		l.report.heard(in)
		l.traffic.perform(p, in, a)
	}
	l.finish(in, outcome{reply: a.Reply, status: a.Status, secure: in.from != nil && in.from.securing})
	for _, x := range a.Receipts {
		ReceiptKind.Publish(l.bus, Receipt{Channel: l.id.Channel, Account: l.id.ID, Receipt: x})
	}
}
