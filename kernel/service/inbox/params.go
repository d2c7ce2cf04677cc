package inbox

// OKResult says that something was done.
type OKResult struct {
	OK bool `json:"ok"`
}

// PairingListParams select accounts, for channels.pairing.list and channels.pairing.approved.
type PairingListParams struct {
	Channel   string `json:"channel,omitempty" rpc:"min=1,max=128"`
	AccountID string `json:"accountId,omitempty" rpc:"min=1,max=128"`
}

// PairingListResult is the result of channels.pairing.list.
type PairingListResult struct {
	Accounts []PairingAccount `json:"accounts"`
	Requests []PairingRequest `json:"requests"`
	// CommandOwnerConfigured says that an owner is named, who may give commands in chats.
	CommandOwnerConfigured bool          `json:"commandOwnerConfigured"`
	Limits                 PairingLimits `json:"limits"`
}

// PairingAccount is an account that people can ask to talk to.
type PairingAccount struct {
	Channel      string `json:"channel"`
	ChannelLabel string `json:"channelLabel"`
	AccountID    string `json:"accountId"`
	AccountLabel string `json:"accountLabel,omitempty"`
	// NotifySupported: the sender can be told of the approval. It is always true.
	NotifySupported bool `json:"notifySupported"`
}

// PairingRequest is somebody who asks. Times are in RFC 3339.
type PairingRequest struct {
	// RequestID is the code that the sender was told.
	RequestID       string `json:"requestId"`
	Channel         string `json:"channel"`
	ChannelLabel    string `json:"channelLabel"`
	AccountID       string `json:"accountId"`
	SenderID        string `json:"senderId"`
	SenderLabel     string `json:"senderLabel"`
	CreatedAt       string `json:"createdAt"`
	LastSeenAt      string `json:"lastSeenAt"`
	ExpiresAt       string `json:"expiresAt"`
	NotifySupported bool   `json:"notifySupported"`
}

// PairingLimits are what bounds requests.
type PairingLimits struct {
	// PendingPerAccount is how many requests of one channel wait at most.
	PendingPerAccount int   `json:"pendingPerAccount"`
	TTLMs             int64 `json:"ttlMs"`
}

// PairingApprovedResult is the result of channels.pairing.approved.
type PairingApprovedResult struct {
	Approved []PairingApproval `json:"approved"`
}

// PairingApproval is somebody whom the owner has let in.
type PairingApproval struct {
	Channel     string `json:"channel"`
	AccountID   string `json:"accountId"`
	SenderID    string `json:"senderId"`
	SenderLabel string `json:"senderLabel"`
	ApprovedAt  string `json:"approvedAt"` // in RFC 3339
}

// PairingDecisionParams name a request, for channels.pairing.approve and channels.pairing.dismiss.
type PairingDecisionParams struct {
	Channel   string `json:"channel" rpc:"required,min=1,max=128"`
	AccountID string `json:"accountId,omitempty" rpc:"min=1,max=128"`
	// One of the two: the request's id, or the code that its sender was told. They are the same here.
	RequestID string `json:"requestId,omitempty" rpc:"min=1,max=64"`
	Code      string `json:"code,omitempty" rpc:"min=1,max=64"`
	// Notify tells the sender of an approval.
	Notify bool `json:"notify,omitempty"`
	// BootstrapCommandOwner makes the sender the owner, unless there is one already. It is for an approval.
	BootstrapCommandOwner bool `json:"bootstrapCommandOwner,omitempty"`
}

// PairingDecisionResult says whose request was decided.
type PairingDecisionResult struct {
	RequestID string `json:"requestId"`
	SenderID  string `json:"senderId"`
	Channel   string `json:"channel"`
	AccountID string `json:"accountId"`
	// Notification is sent or not-requested.
	Notification string `json:"notification"`
	// CommandOwnerBootstrap is not-requested, configured, already-configured or unavailable.
	CommandOwnerBootstrap string `json:"commandOwnerBootstrap"`
}

// PairingAllowParams are those of channels.pairing.allow.
type PairingAllowParams struct {
	Channel string `json:"channel" rpc:"required,min=1,max=128"`
	// AccountID is the channel's first account when absent.
	AccountID string `json:"accountId,omitempty" rpc:"min=1,max=128"`
	// Sender is somebody's id, or a name or @username that only one has.
	Sender string `json:"sender" rpc:"required,min=1,max=1024"`
}

// PairingRevokeParams are those of channels.pairing.revoke.
type PairingRevokeParams struct {
	Channel string `json:"channel" rpc:"required,min=1,max=128"`
	// AccountID is the channel's first account when absent.
	AccountID string `json:"accountId,omitempty" rpc:"min=1,max=128"`
	SenderID  string `json:"senderId" rpc:"required,min=1,max=1024"`
}
