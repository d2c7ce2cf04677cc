// Command go-webhook is a plugin that a build server calls, and that tells the gateway's clients what was deployed.
package main

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/webhook"
	"github.com/carapace-gateway/carapace/wit"
)

type deployments struct{}

// Handle is called once the gateway has checked the signature, for the routes that the manifest names: here, for one. The same
// call may come twice, since who calls does so again when it is not answered; so what was told is kept.
func (deployments) Handle(host *sdk.Host, call *wit.WebhookCall) (*wit.WebhookReply, error) {
	if call.Request.Text == nil {
		return webhook.Text(400, "this is no text"), nil
	}
	body, err := json.Parse([]byte(*call.Request.Text))
	project, version := body.Get("project").Text(), body.Get("version").Text()
	if err != nil || project == "" || len(project) > 64 || version == "" {
		return webhook.Text(400, "want a project and its version"), nil // for who calls
	}
	last, _, err := host.KVGet("version:" + project)
	if err != nil {
		return nil, err // for the owner; who calls is asked to come again, where that may help
	}
	if last == version {
		return webhook.Text(200, "known"), nil
	}
	if err := host.Emit("deployed", json.Object{}.Text("project", project).Text("version", version).JSON()); err != nil {
		return nil, err
	}
	return webhook.Text(202, "told"), host.KVPut("version:"+project, version, 0)
}

func init() { webhook.Register("go-webhook", deployments{}) }

func main() {}
