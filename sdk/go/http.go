package sdk

import (
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// HTTP makes a request and waits for its response. Permission `http`; a host, method or path that the
// permission does not name is `forbidden`. A status of 400 and above is a response and no error;
// without a response the error is `unavailable` or `timeout`. Not for a channel's Event.
func (h *Host) HTTP(request *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	response := new(wit.HTTPResponse)
	if err := call(h, httpRequest, request, response); err != nil {
		return nil, err
	}
	if response.Status == 0 {
		if response.Error != nil {
			return nil, response.Error
		}
		return nil, wit.NewError(wit.CodeUnavailable, "no response came")
	}
	return response, nil
}

// Header returns the first header of a name, in whatever case a server writes it, "" for none.
func Header(headers []wit.Header, name string) string {
	for _, h := range headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}
