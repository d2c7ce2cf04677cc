package mail_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/mail"
	"github.com/carapace-gateway/carapace/builtin-plugins/mail/mailtest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAFileIsFetched: from where its mail is now, and what goes wrong is told by the contract's codes.
func TestAFileIsFetched(t *testing.T) {
	s, err := mailtest.Listen(mailtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Deliver(mailtest.Letter("ann@people.test", mailtest.User, "an older one"))
	s.Deliver(multipartLetter(1, "mixed", part("text/plain", "", "see"), part("text/csv", "Content-Transfer-Encoding: quoted-printable\r\n", "gr=C3=BCn"), part("image/jpeg", inBase64, encoded(picture(200_000)))))
	password := mailtest.Password
	fetch := func(locator string, most int64) (string, error) {
		host := &sdktest.Host{Credentials: map[string]string{"password": password}, Dial: func(url string) (net.Conn, error) {
			return net.Dial("tcp", strings.TrimPrefix(url, "tcp://"))
		}}
		file, err := mail.Mail{}.Fetch(host.SDK(), &wit.FileQuery{
			Config: wit.JSON(fmt.Sprintf(`{"address":%q,"imap":%q,"smtp":%q}`, mailtest.User, s.IMAP(), s.SMTP())), Locator: locator, Most: most, Name: new("a.jpg"), Mime: new("image/jpeg"),
		})
		if err != nil {
			return "", err
		}
		if info := host.Media[file.Media]; *info.Name != "a.jpg" || info.Mime != "image/jpeg" {
			t.Errorf("it is kept as %+v", info)
		}
		return string(host.Files[file.Media]), nil
	}
	const (
		photo = `{"validity":1,"uid":2,"part":"3","encoding":"base64","id":"<file1@people.test>"}`
		table = `{"validity":1,"uid":2,"part":"2","encoding":"quoted-printable","id":"<file1@people.test>"}`
		plain = `{"validity":1,"uid":2,"part":"1","encoding":"7bit","id":"<file1@people.test>"}`
	)
	check := func(when string) {
		t.Helper()
		for locator, want := range map[string]string{photo: string(picture(200_000)), table: "grün", plain: "see"} {
			if got, err := fetch(locator, 1<<20); err != nil || got != want {
				t.Errorf("%s: %d bytes, and not %d; %v", when, len(got), len(want), err)
			}
		}
	}
	check("at once")
	fails := func(when, locator string, most int64, want wit.Code) {
		t.Helper()
		if _, err := fetch(locator, most); wit.CodeOf(err) != want {
			t.Errorf("%s: %v", when, err)
		}
	}
	fails("too large", photo, 100_000, wit.CodeTooLarge)
	fails("no such part", strings.Replace(photo, `"3"`, `"7"`, 1), 1<<20, wit.CodeNotFound)
	fails("another mail", strings.Replace(photo, `"uid":2`, `"uid":9`, 1), 1<<20, wit.CodeNotFound)
	s.Renumber()
	s.Renumber()
	check("with another UID")
	fails("without a Message-ID", strings.Replace(photo, "<file1@people.test>", "", 1), 1<<20, wit.CodeNotFound)
	fails("what is no id", strings.Replace(photo, "<file1@people.test>", `<a\" OR 1>`, 1), 1<<20, wit.CodeNotFound)
	password = "wrong"
	fails("a wrong password", photo, 1<<20, wit.CodeUnauthorized)
	password = mailtest.Password
	s.Expunge()
	fails("a mail that is gone", photo, 1<<20, wit.CodeNotFound)
	s.Close()
	fails("nobody there", photo, 1<<20, wit.CodeUnavailable)
}
