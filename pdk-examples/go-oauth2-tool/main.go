// Command go-oauth2-tool is a plugin whose tool asks a server that wants an access token. How that is got is said by the
// recipes oauth2 in plugin.json; the gateway gets it, keeps it and renews it, and it is a credential like any other here:
//
//	owner     by the refresh token of a login that the owner has made
//	app       by the secret of an app, which needs nobody's login
//	form      the same at a server that wants id and secret in the form that it is sent
//	tenant    the same at a server that takes and answers JSON with names of its own
//	service   by a private key, with which the gateway signs for a service account
package main

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

type greeter struct{}

// Invoke asks once: an answer of 401 has been tried with another token already.
func (greeter) Invoke(host *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	config, _ := json.Parse(call.Config) // the kernel has checked it
	as := config.Get("as").Text()
	response, err := host.HTTP(&wit.HTTPRequest{
		URL:     config.Get("url").Text() + "/hello",
		Headers: []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:" + as + "}}"}},
	})
	if err != nil {
		return nil, err
	}
	if response.Status != 200 || response.Text == nil {
		return tool.Failed("the server answers " + strconv.Itoa(int(response.Status))), nil
	}
	return tool.Text(*response.Text), nil
}

func init() { tool.Register("go-oauth2-tool", greeter{}) }

func main() {}
