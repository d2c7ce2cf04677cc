// Command go-signed-link is a plugin with a tool that makes links to a download server which end after an hour. The
// server knows the key, and so does the gateway, which signs; the plugin does not.
package main

import (
	"encoding/base64"
	"net/url"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

const hour = 3600

type links struct{}

// Invoke signs path and end, which is what the server checks.
func (links) Invoke(host *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	args, _ := json.Parse(call.Args) // the kernel has checked both
	config, _ := json.Parse(call.Config)
	path := (&url.URL{Path: args.Get("path").Text()}).EscapedPath()
	end := strconv.FormatInt(call.Context.Now/1000+hour, 10)
	signature, err := host.Sign(&wit.Signing{Key: "key", Algorithm: wit.SignatureAlgorithmHMACSHA256, Text: new(path + "\n" + end)})
	if err != nil {
		return nil, err
	}
	query := "?end=" + end + "&signature=" + base64.RawURLEncoding.EncodeToString(signature)
	return tool.Text(config.Get("server").Text() + path + query), nil
}

func init() { tool.Register("go-signed-link", links{}) }

func main() {}
