package wire

// Challenge is the payload of connect.challenge, the first frame of every connection. Devices sign the
// nonce.
type Challenge struct {
	Nonce string `json:"nonce"`
	// Ts is the gateway's time in Unix milliseconds.
	Ts int64 `json:"ts"`
}

// Tick is a sign of life, sent every policy.tickIntervalMs. After two intervals of silence a client may
// take the connection for dead.
type Tick struct {
	// Ts is in Unix milliseconds.
	Ts int64 `json:"ts"`
}

// PresenceChanged is the new list of who is there; only admins see what identifies devices and addresses.
type PresenceChanged struct {
	Presence []Presence `json:"presence"`
}

// Shutdown says that the gateway ends the connection because it stops. It may come back.
type Shutdown struct {
	Reason string `json:"reason"`
}
