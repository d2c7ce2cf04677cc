package kernel

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/node"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// Views of nodes: their devices, which auth lets in and is made last, and the agent that they speak to.

// nodeDevices implements node.Devices.
type nodeDevices struct{ door *door }

func (n nodeDevices) Find(tx store.Tx, id string) (node.Device, bool, error) {
	d, ok, err := n.door.who.Nodes().Find(tx, id)
	return nodeDevice(d), ok, err
}

func (n nodeDevices) List(tx store.Tx) ([]node.Device, error) {
	all, err := n.door.who.Nodes().List(tx)
	list := make([]node.Device, len(all))
	for i, d := range all {
		list[i] = nodeDevice(d)
	}
	return list, err
}

func (n nodeDevices) Admit(tx store.Tx, d node.Device) (string, error) {
	return n.door.who.Nodes().Admit(tx, auth.Device{
		DeviceID: d.ID, PublicKey: d.PublicKey, DisplayName: d.DisplayName, Platform: d.Platform, DeviceFamily: d.DeviceFamily,
		ClientID: d.ClientID, ClientMode: d.ClientMode, RemoteIP: d.From,
	})
}

func (n nodeDevices) Holds(tx store.Tx, id, token string) (bool, error) {
	return n.door.who.Nodes().Holds(tx, id, token)
}

func (n nodeDevices) Remove(tx store.Tx, id string) error { return n.door.who.Nodes().Remove(tx, id) }

func (n nodeDevices) Removed(id string) { n.door.who.Nodes().Removed(id) }

func nodeDevice(d auth.Device) node.Device {
	return node.Device{
		ID: d.DeviceID, PublicKey: d.PublicKey, DisplayName: d.DisplayName, Platform: d.Platform, DeviceFamily: d.DeviceFamily,
		ClientID: d.ClientID, ClientMode: d.ClientMode, From: d.RemoteIP, CreatedAtMs: d.CreatedAtMs, ApprovedAtMs: d.ApprovedAtMs,
	}
}

// nodeAgent implements node.Agent.
type nodeAgent struct{ *wiring }

func (n nodeAgent) Ask(ctx context.Context, t node.Turn) error {
	_, err := n.runs.Start(ctx, run.Job{
		ID: t.ID, Session: t.Session, Message: t.Text, Thinking: t.Thinking, Timeout: t.Timeout, Asker: "node:" + t.Node,
		Deliver: t.Deliver, Channel: t.Channel, To: t.To,
	})
	return err
}

func (n nodeAgent) Note(ctx context.Context, name, text string) error {
	key, err := n.sessionSettings().Find(name, "")
	if err != nil {
		return err
	}
	return n.runs.Tell(ctx, run.SystemEvent{Session: key, Text: text})
}

func (n nodeAgent) Session(name string) (string, error) {
	key, err := n.sessionSettings().Find(name, "")
	return string(key), err
}

func (n nodeAgent) SessionOf(payload any) string {
	var key session.Key
	switch e := payload.(type) {
	case chat.Event:
		key = e.SessionKey
	case chat.AgentEvent:
		key = e.SessionKey
	}
	return string(key)
}
