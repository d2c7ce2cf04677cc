package channel

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	pairingTTL  = time.Hour
	maxPairing  = 3 // requests of one channel that wait
	codeLength  = 8
	codeLetters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789" // 32: five bits each, none that look alike
)

// pairingRequest is somebody who wants to talk to the bot.
type pairingRequest struct {
	Code         string           `json:"code"`
	Channel      string           `json:"channel"`
	Account      string           `json:"account"`
	Sender       wit.Person       `json:"sender"`
	Conversation wit.Conversation `json:"conversation"`
	CreatedAt    int64            `json:"createdAt"`
	LastSeenAt   int64            `json:"lastSeenAt"`
	ExpiresAt    int64            `json:"expiresAt"`
}

// approval is somebody whose request the owner approved.
type approval struct {
	Channel string     `json:"channel"`
	Account string     `json:"account"`
	Sender  wit.Person `json:"sender"`
	At      int64      `json:"at"`
}

const (
	pairingTable  = store.Table[pairingRequest]("channel.pairing")
	approvedTable = store.Table[approval]("channel.approved")
)

func approved(tx store.Tx, r ref, sender string) (bool, error) {
	if sender == "" {
		return false, nil
	}
	switch _, err := tx.Get(string(approvedTable), key(r.channel, r.account, sender)); wit.CodeOf(err) {
	case "":
		return true, nil
	case wit.CodeNotFound:
		return false, nil
	default:
		return false, err
	}
}

// invite records a request and tells the sender how it is approved: once, and not at all when too many
// wait.
func (r *receiver) invite(tx store.Tx, m *wit.Message) error {
	if m.Sender.ID == "" {
		return nil
	}
	if err := expirePairing(tx, r.now); err != nil {
		return err
	}
	k := key(r.channel, r.account, m.Sender.ID)
	req, err := pairingTable.Get(tx, k)
	if err == nil {
		req.LastSeenAt = r.now
		return pairingTable.Put(tx, k, req)
	} else if wit.CodeOf(err) != wit.CodeNotFound {
		return err
	}
	waiting, err := pairings(tx, r.channel)
	if err != nil || len(waiting) >= maxPairing {
		return err
	}
	req = pairingRequest{Code: newCode(), Channel: r.channel, Account: r.account, Sender: m.Sender, Conversation: m.Conversation,
		CreatedAt: r.now, LastSeenAt: r.now, ExpiresAt: r.now + pairingTTL.Milliseconds()}
	if err := pairingTable.Put(tx, k, req); err != nil {
		return err
	}
	r.told = true
	return r.Outbox.Notify(tx, Notice{ID: "pairing/" + k + "/" + req.Code, Channel: r.channel, Account: r.account,
		To: m.Conversation, Text: invitation(req)})
}

func invitation(p pairingRequest) string {
	return fmt.Sprintf("This assistant answers only to people its owner has approved.\n\nYour id: %s\nPairing code: %s\n\n"+
		"Ask the owner to run:\n\ncarapace pairing approve %s %s\n\nThe code is valid for one hour.",
		p.Sender.ID, p.Code, p.Channel, p.Code)
}

// pairings lists the requests of a channel, or of all when it is empty.
func pairings(tx store.Tx, channel string) ([]pairingRequest, error) {
	prefix := ""
	if channel != "" {
		prefix = key(channel) + "/"
	}
	var list []pairingRequest
	for row, err := range pairingTable.Scan(tx, store.Range{Prefix: prefix}) {
		if err != nil {
			return nil, err
		}
		list = append(list, row.Value)
	}
	return list, nil
}

func expirePairing(tx store.Tx, now int64) error {
	list, err := pairings(tx, "")
	if err != nil {
		return err
	}
	for _, p := range list {
		if p.ExpiresAt > now {
			continue
		}
		if err := pairingTable.Delete(tx, key(p.Channel, p.Account, p.Sender.ID)); err != nil {
			return err
		}
	}
	return nil
}

func newCode() string {
	b := make([]byte, codeLength)
	_, _ = rand.Read(b) // it never fails: the program would end
	for i := range b {
		b[i] = codeLetters[b[i]%byte(len(codeLetters))]
	}
	return string(b)
}
