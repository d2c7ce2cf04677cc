package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Failure makes an error of a response that is none of success, for plugins that use other parts of the same servers. Its
// message begins with what the owner can do.
func Failure(response *wit.HTTPResponse) *wit.Error {
	body := ""
	if response.Text != nil {
		body = *response.Text
	}
	err := failure(int64(response.Status), body, readWaits(response.Headers))
	err.Message = strings.TrimPrefix(err.Message, prefix)
	return err
}
