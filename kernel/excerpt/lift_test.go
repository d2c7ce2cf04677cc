package excerpt_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/carapace-gateway/carapace/kernel/excerpt"
)

// TestLift: of all that a stream may say, only the texts in the fields are others.
func TestLift(t *testing.T) {
	long := strings.Repeat("QUJD", 100_000)
	for in, want := range map[string]string{
		`{"result":"QUJD"}`: `{"result":"<4>"}`,
		`{"result":""}`:     `{"result":""}`,
		`{"result":null,"a":"result","b":["result","x"],"c":{"result":7}}`:                                                                  `{"result":null,"a":"result","b":["result","x"],"c":{"result":7}}`,
		"event: a\ndata: {\"item\":{\"type\":\"x\", \"result\" : \"" + long + "\"},\"n\":1}\n\ndata: {\"result\":\"QQ==\"}\n\n":             "event: a\ndata: {\"item\":{\"type\":\"x\", \"result\" : \"<400000>\"},\"n\":1}\n\ndata: {\"result\":\"<4>\"}\n\n",
		`[{"inlineData":{"mimeType":"image/png","x":{"data":"no"},"data":"QQ\u003d\u003d"}},{"data":"no"},{"inlineData":[{"data":"yes"}]}]`: `[{"inlineData":{"mimeType":"image/png","x":{"data":"no"},"data":"<4>"}},{"data":"no"},{"inlineData":[{"data":"<3>"}]}]`,
		`{"text":"{\"result\":\"QUJD\"}","arguments":"\\","result":"a"}`:                                                                    `{"text":"{\"result\":\"QUJD\"}","arguments":"\\","result":"<1>"}`,
		": a comment with a \" in it\ndata: {\"result\":\"abc\"}\n":                                                                         ": a comment with a \" in it\ndata: {\"result\":\"<3>\"}\n",
		": {[\ndata: {\"inlineData\":{\"data\":\"abc\"}}\n":                                                                                 ": {[\ndata: {\"inlineData\":{\"data\":\"<3>\"}}\n",
		strings.Repeat(`{"a":`, 100) + `{"result":"deep"}` + strings.Repeat("}", 100) + `{"result":"not"}`:                                  strings.Repeat(`{"a":`, 100) + `{"result":"deep"}` + strings.Repeat("}", 100) + `{"result":"<3>"}`,
		`}}]]{"result":"abc"}`: `}}]]{"result":"<3>"}`,
		`not JSON at all`:      `not JSON at all`,
	} {
		for how, from := range map[string]io.Reader{"": strings.NewReader(in), "byte by byte: ": iotest.OneByteReader(strings.NewReader(in))} {
			lifted := excerpt.Lift(from, []string{"result", "inlineData.data"}, func(text io.Reader) string {
				b, err := io.ReadAll(text)
				if err != nil {
					t.Error(err)
				}
				return fmt.Sprintf("<%d>", len(b))
			})
			// As JSON has them, the signs of our own words are escaped.
			got, err := io.ReadAll(lifted)
			if said := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(got)); said != want || err != nil {
				t.Errorf("%s%.100s\nbecame %.300s, %v\nwant   %.300s", how, in, said, err, want)
			}
		}
	}
}

// TestLiftOfWhatIsNotRead: what is left of a text is passed over, and what cannot be read is an error.
func TestLiftOfWhatIsNotRead(t *testing.T) {
	nothing := func(io.Reader) string { return "" }
	got, err := io.ReadAll(excerpt.Lift(strings.NewReader(`{"result":"QUJD","b":1}`), []string{"result"}, nothing))
	if string(got) != `{"result":"","b":1}` || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	got, err = io.ReadAll(excerpt.Lift(strings.NewReader(`{"a":1,"result":"QUJ`), []string{"result"}, nothing))
	if string(got) != `{"a":1,"result":` || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: %s, %v", got, err)
	}
	broken := errors.New("broken")
	if _, err = io.ReadAll(excerpt.Lift(iotest.ErrReader(broken), []string{"result"}, nothing)); !errors.Is(err, broken) {
		t.Errorf("broken: %v", err)
	}
}

// TestLiftGivesWhatIsThere: what has come before a text is not held back until the text has come.
func TestLiftGivesWhatIsThere(t *testing.T) {
	in, out := io.Pipe()
	go func() { _, _ = io.WriteString(out, "data: {\"a\":1}\n\ndata: {\"result\":\"QU") }()
	got := make([]byte, 100)
	n, err := excerpt.Lift(in, []string{"result"}, func(text io.Reader) string { _, _ = io.ReadAll(text); return "" }).Read(got)
	if said := string(got[:n]); said != "data: {\"a\":1}\n\ndata: {\"result\":" || err != nil {
		t.Errorf("%q, %v", said, err)
	}
	_ = in.Close()
}
