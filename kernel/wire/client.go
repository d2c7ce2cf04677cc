package wire

// Client is who a client says it is. Every field comes from the peer.
type Client struct {
	// ID is cli, webchat, gateway-client, node-host, test and others, or brand-kind such as carapace-ios.
	ID              string `json:"id" rpc:"required,min=1,max=64"`
	DisplayName     string `json:"displayName,omitempty" rpc:"min=1,max=256"`
	Version         string `json:"version" rpc:"required,min=1,max=128"`
	BuildID         string `json:"buildId,omitempty" rpc:"max=96"`
	Platform        string `json:"platform" rpc:"required,min=1,max=128"`
	DeviceFamily    string `json:"deviceFamily,omitempty" rpc:"min=1,max=128"`
	ModelIdentifier string `json:"modelIdentifier,omitempty" rpc:"min=1,max=128"`
	Mode            string `json:"mode" rpc:"required,enum=webchat|cli|ui|backend|node|worker|probe|test"`
	// InstanceID stays the same for an installation: connections that share it are one row of presence.
	InstanceID string `json:"instanceId,omitempty" rpc:"min=1,max=256"`
	// TimeZone is an IANA name.
	TimeZone string `json:"timeZone,omitempty" rpc:"max=64"`
}
