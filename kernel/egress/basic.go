package egress

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// basic adds the header of a login with a name and a password, nil for none. A redirect to another host loses it.
func (m *message) basic(f *filler, login *wit.BasicLogin) error {
	if login == nil {
		return nil
	}
	// RFC 7617: what stands behind the first colon is the password.
	if strings.ContainsFunc(login.User, func(c rune) bool { return c < ' ' || c == 0x7f || c == ':' }) {
		return wit.NewError(wit.CodeInvalid, "http: the name of a basic login has a colon or a control character: leave that out")
	}
	if slices.ContainsFunc(m.headers, func(h headerLine) bool { return h.name == "Authorization" }) {
		return wit.NewError(wit.CodeInvalid, "http: the header Authorization of a request with a basic login is the kernel's: leave it out")
	}
	password, err := f.get(login.Password)
	if err != nil {
		return err
	}
	both := base64.StdEncoding.EncodeToString([]byte(login.User + ":" + strings.TrimSpace(password)))
	m.remember(both)
	if len(both) > maxHeaderLen {
		return wit.Errorf(wit.CodeTooLarge, "http: the headers have more than %d bytes", maxHeaderLen)
	}
	m.headers = append(m.headers, headerLine{"Authorization", "Basic " + both, true})
	return nil
}
