// Command go-sigv4-tool is a plugin whose tools keep notes in a bucket of S3. The requests are signed by AWS Signature Version 4;
// the gateway does it, with the owner's keys, and the plugin says only that it is to be done.
package main

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

type bucket struct{}

// Invoke keeps a note or reads one. To keep it twice is to keep it once, so a call whose outcome nobody knows may be repeated.
func (bucket) Invoke(host *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	args, _ := json.Parse(call.Args) // the kernel has checked both
	config, _ := json.Parse(call.Config)
	request := &wit.HTTPRequest{
		Method: "GET", URL: config.Get("bucket").Text() + "/notes/" + args.Get("name").Text() + ".txt",
		SigV4: &wit.SigV4{AccessKey: "accessKey", SecretKey: "secretKey", Region: config.Get("region").Text(), Service: "s3"},
	}
	if call.Name == "keep_note" {
		request.Method, request.Text = "PUT", new(args.Get("text").Text())
	}
	response, err := host.HTTP(request)
	switch {
	case err != nil:
		return nil, err
	case response.Status == 403:
		return nil, wit.NewError(wit.CodeUnauthorized,
			"the bucket does not take the keys: set others with carapace setup go-sigv4-tool")
	case response.Status == 404:
		return tool.Failed("there is no such note"), nil
	case response.Status != 200:
		return tool.Failed("the bucket answers " + strconv.Itoa(int(response.Status))), nil
	case call.Name == "keep_note":
		return tool.Text("it is kept"), nil
	case response.Text == nil:
		return tool.Failed("the note is no text"), nil
	}
	return tool.Text(*response.Text), nil
}

func init() { tool.Register("go-sigv4-tool", bucket{}) }

func main() {}
