package nextcloud

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/wit"
)

// requestKind is what a request is for, which its id begins with, and what the state notes as to be tried again.
type requestKind string

const (
	requestMe    requestKind = "me"    // GET /cloud/user
	requestTalk  requestKind = "talk"  // GET /cloud/capabilities: is Talk there?
	requestRooms requestKind = "rooms" // GET /room: in which conversations has something happened?
	requestChat  requestKind = "chat"  // GET /chat/{token}: what is new there? which is the token
	requestPoll  requestKind = "poll"  // GET /poll/{token}/{id}: what came of a poll? which is the message that told its end
	requestProbe requestKind = "probe" // GET /cloud/user, for the command of that name
	requestAside requestKind = "aside" // whose response does not matter: read markers
)

// Timeouts in milliseconds.
const (
	callTimeout = 15_000
	// transferTimeout is for requests that carry a file: 50 MB at 3.5 Mbit/s.
	transferTimeout = 120_000
)

// Where the paths of the API begin.
const (
	ocs   = "/ocs/v2.php"
	talk1 = ocs + "/apps/spreed/api/v1"
	talk4 = ocs + "/apps/spreed/api/v4"
	dav   = "/remote.php/dav/files/"
)

// params are the parameters of a call, in the query or as a form.
type params []byte

func (p params) text(name, value string) params {
	if len(p) > 0 {
		p = append(p, '&')
	}
	p = append(append(p, name...), '=')
	return append(p, form.Escape(value)...)
}

func (p params) int(name string, value int64) params {
	return p.text(name, strconv.FormatInt(value, 10))
}

// request describes a call of the OCS API with the account's login ("OCS API", developer manual).
func (s settings) request(id, method, path string, p params) wit.HTTPRequest {
	r := wit.HTTPRequest{
		ID: id, Method: method, URL: s.root + path, Timeout: callTimeout,
		Headers: []wit.Header{{Name: "OCS-APIRequest", Value: "true"}, {Name: "Accept", Value: "application/json"}},
		Basic:   &wit.BasicLogin{User: s.user, Password: "appPassword"},
	}
	switch {
	case len(p) == 0:
	case method == "GET" || method == "DELETE":
		r.URL += "?" + string(p)
	default:
		body := string(p)
		r.Text = &body
		r.Headers = append(r.Headers, wit.Header{Name: "Content-Type", Value: "application/x-www-form-urlencoded"})
	}
	return r
}

// escapePath escapes each segment of a path; what would lead out of it is left out.
func escapePath(path string) string {
	var b strings.Builder
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" && segment != "." && segment != ".." {
			b.WriteByte('/')
			b.WriteString(form.Escape(segment))
		}
	}
	return b.String()
}
