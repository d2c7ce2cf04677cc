package chat

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// sizes is a media store that remembers how large the last file was.
type sizes struct{ last int }

func (s *sizes) Stat(context.Context, string) (wit.MediaInfo, error) {
	return wit.MediaInfo{}, wit.NewError(wit.CodeNotFound, "none")
}

func (s *sizes) FetchURL(context.Context, string, int64, ...string) (string, string, error) {
	return "", "", wit.NewError(wit.CodeUnavailable, "no web")
}

func (s *sizes) Put(_ context.Context, _, _ string, data []byte) (string, error) {
	s.last = len(data)
	return "ref", nil
}

// TestFilesAsLargeAsHelloSays are kept, and not a byte more.
func TestFilesAsLargeAsHelloSays(t *testing.T) {
	for what, c := range map[string]struct {
		head  string
		most  int
		error string
	}{
		"file":    {"", wire.MaxAttachment, "a file may have 19611648 bytes"},
		"picture": {"\xff\xd8\xff", wire.MaxPicture, "a picture may have 6291456 bytes"},
	} {
		for more := range 2 {
			data := append([]byte(c.head), make([]byte, c.most+more-len(c.head))...)
			var store sizes
			_, err := (&Service{media: &store}).keep(t.Context(), Attachment{Content: json.RawMessage(`"` + base64.StdEncoding.EncodeToString(data) + `"`)})
			if more == 0 && (err != nil || store.last != c.most) {
				t.Errorf("%s: kept %d bytes, %v", what, store.last, err)
			}
			if more == 1 && (wit.CodeOf(err) != wit.CodeTooLarge || err.Error() != c.error || store.last > 0) {
				t.Errorf("%s of a byte more: %v", what, err)
			}
		}
	}
}
