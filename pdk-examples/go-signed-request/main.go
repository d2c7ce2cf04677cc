// Command go-signed-request is a plugin with a tool that asks an exchange what an account has. The exchange wants each request
// signed: by an HMAC with SHA-512 over its path and a hash of what it says, with a key that is given out in base64 (as Kraken does). The
// gateway knows the key and signs; the plugin does not.
package main

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

const path = "/0/private/Balance"

type account struct{}

// Invoke asks once. The nonce is the time, since the exchange wants each to be greater than the one before.
func (account) Invoke(host *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	config, _ := json.Parse(call.Config) // the kernel has checked it, and put in the default of what the owner left out
	nonce := strconv.FormatInt(call.Context.Now, 10)
	form := "nonce=" + nonce
	hash := sha256.Sum256([]byte(nonce + form))
	signature, err := host.Sign(&wit.Signing{
		Key: "key", KeyEncoding: wit.KeyEncodingBase64, Algorithm: wit.SignatureAlgorithmHMACSHA512,
		Bytes: append([]byte(path), hash[:]...),
	})
	if err != nil {
		return nil, err
	}
	response, err := host.HTTP(&wit.HTTPRequest{Method: "POST", URL: config.Get("server").Text() + path, Text: &form, Headers: []wit.Header{
		{Name: "Content-Type", Value: "application/x-www-form-urlencoded"},
		{Name: "API-Key", Value: "{{credential:keyId}}"},
		{Name: "API-Sign", Value: base64.StdEncoding.EncodeToString(signature)},
	}})
	if err != nil {
		return nil, err
	}
	if response.Status != 200 || response.Text == nil {
		return tool.Failed("the exchange answers " + strconv.Itoa(int(response.Status))), nil
	}
	return tool.Text(*response.Text), nil
}

func init() { tool.Register("go-signed-request", account{}) }

func main() {}
