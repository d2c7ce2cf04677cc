package kernel_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/media"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// keep uploads over the socket.
func keep(l *kerneltest.Listener, content, name, mime string) (f media.File) {
	l.MustCall("media.upload", media.UploadParams{Content: base64.StdEncoding.EncodeToString([]byte(content)), FileName: name, MimeType: mime}, &f)
	return f
}

// picture is a PNG of these measures.
func picture(t *testing.T, w, h int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// noToken leaves out what a request of Exchange has.
var noToken = []string{"Authorization", ""}

// TestFilesOverHTTP: one kernel serves all of it.
func TestFilesOverHTTP(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Config(t, `{"media": {"maxFile": "1M"}}`))
	l := k.Listen()
	t.Run("an upload that breaks off", func(t *testing.T) { uploadBreaksOff(t, k, l, filepath.Join(dir, "media")) })
	for name, test := range map[string]func(*testing.T, *kerneltest.Kernel, *kerneltest.Listener){
		"ranges": rangesOfAFile, "links": linksOfAFile, "types": nothingRunsAsAPage, "uploads": filesAreUploaded, "thumbs": smallPictures,
		"list": filesAreListed, "devices": filesOfDevices,
	} {
		t.Run(name, func(t *testing.T) { test(t, k, l) })
	}
}

// filesOfDevices: a paired device's token is good for what the device may, until it is revoked, and for no other route.
func filesOfDevices(t *testing.T, k *kerneltest.Kernel, l *kerneltest.Listener) {
	f := keep(l, "for devices", "a.txt", "text/plain")
	get := func(token string) int {
		t.Helper()
		res, body := k.Exchange("GET", "/media/"+f.ID, nil, "Authorization", "Bearer "+token, "Range", "bytes=4-10")
		if res.StatusCode == 206 && body != "devices" {
			t.Errorf("%q", body)
		}
		return res.StatusCode
	}
	post := func(path, token string) int {
		t.Helper()
		res, _ := k.Exchange("POST", path, strings.NewReader("{}"), "Authorization", "Bearer "+token)
		return res.StatusCode
	}
	device := func(role wire.Role, scopes ...wire.Scope) (id, token string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "device.key")
		c, err := k.TryDial(client.Options{Token: kerneltest.Token, Identity: file, Role: role, Scopes: scopes})
		if err != nil {
			t.Fatal(err)
		}
		id, _ = keyOf(t, file)
		return id, c.Hello().Auth.DeviceToken
	}
	id, reader := device(wire.RoleOperator, wire.ScopeRead)
	_, writer := device(wire.RoleOperator, wire.ScopeWrite)
	_, pairer := device(wire.RoleOperator, wire.ScopePairing)
	_, node := device(wire.RoleNode)
	for name, got := range map[string][2]int{
		"a reader reads":             {get(reader), 206},
		"a reader gives nothing":     {post("/media", reader), 403},
		"a writer reads":             {get(writer), 206},
		"a writer gives":             {post("/media?name=a.json", writer), 201},
		"a pairer reads nothing":     {get(pairer), 403},
		"a node reads nothing":       {get(node), 403},
		"a guess":                    {get(reader[1:]), 401},
		"no token":                   {get(""), 401},
		"nor on another route":       {post("/tools/invoke", writer), 401},
		"nor models":                 {post("/v1/chat/completions", writer), 401},
		"nor tools for programs":     {post("/mcp", writer), 401},
		"a device of another origin": {originOf(t, k, f.ID, reader), 403},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, want %d", name, got[0], got[1])
		}
	}
	l.MustCall("device.token.revoke", object{"deviceId": id, "role": wire.RoleOperator}, nil)
	if status := get(reader); status != 401 {
		t.Errorf("a revoked token: %d", status)
	}
	if status := get(writer); status != 206 {
		t.Errorf("another device's: %d", status)
	}
}

// originOf asks for a file as a page of another origin does.
func originOf(t *testing.T, k *kerneltest.Kernel, id, token string) int {
	t.Helper()
	res, _ := k.Exchange("GET", "/media/"+id, nil, "Authorization", "Bearer "+token, "Origin", "https://evil.example")
	return res.StatusCode
}

func rangesOfAFile(t *testing.T, k *kerneltest.Kernel, l *kerneltest.Listener) {
	f := keep(l, "0123456789", "digits.txt", "text/plain")
	tag := `"` + f.ID + `"`
	for name, c := range map[string]struct {
		method, body, length string
		status               int
		headers              []string
	}{
		"all":               {"GET", "0123456789", "10", 200, nil},
		"its head":          {"HEAD", "", "10", 200, nil},
		"a part":            {"GET", "234", "3", 206, []string{"Range", "bytes=2-4"}},
		"the end":           {"GET", "89", "2", 206, []string{"Range", "bytes=-2"}},
		"beyond":            {"GET", "invalid range: failed to overlap\n", "33", 416, []string{"Range", "bytes=10-"}},
		"of this":           {"GET", "5", "1", 206, []string{"Range", "bytes=5-5", "If-Range", tag}},
		"of another":        {"GET", "0123456789", "10", 200, []string{"Range", "bytes=5-5", "If-Range", `"x"`}},
		"what is known":     {"GET", "", "", 304, []string{"If-None-Match", tag}},
		"another method":    {"DELETE", "Method Not Allowed\n", "", 405, nil},
		"another's token":   {"GET", "", "", 401, []string{"Authorization", "Bearer wrong-token"}},
		"no token":          {"GET", "", "", 401, noToken},
		"a page of another": {"GET", "", "", 403, []string{"Origin", "https://evil.example"}},
	} {
		res, body := k.Exchange(c.method, "/media/"+f.ID, nil, c.headers...)
		if res.StatusCode != c.status || c.body != "" && body != c.body || c.length != "" && res.Header.Get("Content-Length") != c.length {
			t.Errorf("%s: %d %q %v", name, res.StatusCode, body, res.Header)
		}
		if c.status < 300 && (res.Header.Get("ETag") != tag || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.Contains(res.Header.Get("Content-Disposition"), "digits.txt")) {
			t.Errorf("%s: %v", name, res.Header)
		}
	}
	for _, id := range []string{strings.Repeat("0", 64), "..%2f..%2fcarapace.json", "x"} {
		if res, body := k.Exchange("GET", "/media/"+id, nil); res.StatusCode != 404 {
			t.Errorf("%s: %d %s", id, res.StatusCode, body)
		}
	}
}

func linksOfAFile(t *testing.T, k *kerneltest.Kernel, l *kerneltest.Listener) {
	a, b := keep(l, "mine", "", ""), keep(l, "yours", "", "")
	if res, body := k.Exchange("GET", a.URL, nil, noToken...); res.StatusCode != 200 || body != "mine" {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	_, query, _ := strings.Cut(a.URL, "?")
	for name, path := range map[string]string{
		"of another file":   "/media/" + b.ID + "?" + query,
		"for longer":        strings.Replace(a.URL, "until=", "until=9", 1),
		"cut":               a.URL[:len(a.URL)-1],
		"without a time":    "/media/" + a.ID + "?sig=" + query[strings.Index(query, "sig=")+4:],
		"without signature": "/media/" + a.ID + "?" + strings.Split(query, "&")[0] + "&sig=",
	} {
		if res, body := k.Exchange("GET", path, nil, noToken...); res.StatusCode != 401 && res.StatusCode != 429 {
			t.Errorf("a link %s: %d %s", name, res.StatusCode, body)
		}
	}
	// Who may read the gateway's conversations is told of links, and nobody else is.
	reader := k.Listen(wire.ScopeRead)
	var info media.File
	reader.MustCall("media.info", media.IDParams{ID: a.ID}, &info)
	if info.URL != a.URL {
		t.Errorf("%s, want %s", info.URL, a.URL)
	}
	for _, method := range []string{"media.delete", "media.fetch", "media.upload"} {
		if err := reader.Call(t.Context(), method, map[string]any{"id": a.ID}, nil); wit.CodeOf(err) != wit.CodeForbidden {
			t.Errorf("%s: %v", method, err)
		}
	}
	if err := k.Listen(wire.ScopePairing).Call(t.Context(), "media.info", media.IDParams{ID: a.ID}, nil); wit.CodeOf(err) != wit.CodeForbidden {
		t.Error(err)
	}
}

// nothingRunsAsAPage: whatever a file says that it is, no browser takes it for a page, a script or a style of the gateway's.
func nothingRunsAsAPage(t *testing.T, k *kerneltest.Kernel, l *kerneltest.Listener) {
	const script = "<script>alert(document.domain)</script>"
	for name, c := range map[string]struct{ said, content, want string }{
		"a page":               {"text/html", "<html>" + script, "application/octet-stream attachment"},
		"a page as a picture":  {"image/png", "<html>" + script, "application/octet-stream attachment"},
		"a page as text":       {"text/plain", "<!DOCTYPE html>" + script, "text/plain; charset=utf-8 inline"},
		"SVG":                  {"image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg">` + script + `</svg>`, "text/plain; charset=utf-8 inline"},
		"SVG that is XML":      {"image/svg+xml", `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg">` + script + `</svg>`, "application/octet-stream attachment"},
		"XML":                  {"application/xhtml+xml", "<?xml version='1.0'?><html>" + script, "application/octet-stream attachment"},
		"a script":             {"text/javascript", "alert(1)", "application/octet-stream attachment"},
		"a style":              {"text/css", "body{}", "application/octet-stream attachment"},
		"a picture and a page": {"text/html", "GIF89a/*" + script + "*/", "image/gif inline"},
		"a forged type":        {"text/plain\r\nSet-Cookie: a=b", "x", "text/plain; charset=utf-8 inline"},
		"PDF":                  {"", "%PDF-1.7\n", "application/pdf attachment"},
		"sound":                {"audio/ogg; codecs=opus", "OggS\x00\x02", "audio/ogg inline"},
		"nothing known":        {"application/x-msdownload", "MZ\x00\x01", "application/octet-stream attachment"},
	} {
		f := keep(l, c.content, "a\"b\r\nc.html", c.said)
		res, body := k.Exchange("GET", f.URL, nil, noToken...)
		kind, _, _ := strings.Cut(res.Header.Get("Content-Disposition"), ";")
		if got := res.Header.Get("Content-Type") + " " + kind; got != c.want || body != c.content || res.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %s %v, want %s", name, got, res.Header, c.want)
		}
		if res.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(res.Header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: %v", name, res.Header)
		}
	}
}

func filesAreUploaded(t *testing.T, k *kerneltest.Kernel, l *kerneltest.Listener) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	_ = w.WriteField("note", "before")
	part, _ := w.CreateFormFile("file", "form.txt")
	_, _ = io.WriteString(part, "from a form")
	_ = w.Close()
	cut := form.String()[:form.Len()-20]
	large := bytes.Repeat([]byte("x"), 1<<20+1)
	before := share(l)
	for name, c := range map[string]struct {
		body    io.Reader
		status  int
		want    string
		headers []string
	}{
		"a body":          {strings.NewReader("as it is"), 201, `"mime":"text/plain"`, []string{"Content-Type", "image/png"}},
		"a form":          {bytes.NewReader(form.Bytes()), 201, `"name":"form.txt"`, []string{"Content-Type", w.FormDataContentType()}},
		"half a form":     {strings.NewReader(cut), 400, "invalid", []string{"Content-Type", w.FormDataContentType()}},
		"an empty form":   {strings.NewReader(""), 400, "the form has no file", []string{"Content-Type", w.FormDataContentType()}},
		"no boundary":     {strings.NewReader("x"), 400, "boundary", []string{"Content-Type", "multipart/form-data"}},
		"nothing":         {strings.NewReader(""), 400, "empty", nil},
		"too much":        {bytes.NewReader(large), 413, "1048576", nil},
		"too much unsaid": {io.MultiReader(bytes.NewReader(large)), 413, "1048576", nil},
		"no token":        {strings.NewReader("x"), 401, "unauthorized", noToken},
		"another's page":  {strings.NewReader("x"), 403, "evil.example", []string{"Origin", "https://evil.example"}},
	} {
		res, body := k.Exchange("POST", "/media?name=", c.body, c.headers...)
		if res.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
		}
	}
	if after := share(l); after.Count != before.Count+2 {
		t.Errorf("there are %d files, and there were %d", after.Count, before.Count)
	}
	if res, _ := k.Exchange("GET", "/media", nil); res.StatusCode != 405 {
		t.Errorf("%d", res.StatusCode)
	}
	for name, content := range map[string]string{"no base64": "§", "half of it": "aGVsbG8gdGhlcmU=§", "nothing": "===="} {
		if err := l.Call(t.Context(), "media.upload", media.UploadParams{Content: content}, nil); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// uploadBreaksOff: it is written while it comes, and nothing of it is left.
func uploadBreaksOff(t *testing.T, k *kerneltest.Kernel, l *kerneltest.Listener, dir string) {
	unfinished := func() int {
		list, err := filepath.Glob(filepath.Join(dir, "new-*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	until := func(n int) {
		for begin := time.Now(); unfinished() != n; runtime.Gosched() {
			if time.Since(begin) > kerneltest.Patience {
				t.Fatalf("there are %d unfinished files, want %d", unfinished(), n)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	body, sent := io.Pipe()
	r, err := http.NewRequestWithContext(ctx, "POST", "http://127.0.0.1/media", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+kerneltest.Token)
	done := make(chan error, 1)
	go func() {
		res, err := k.HTTP().Do(r)
		if err == nil {
			_ = res.Body.Close()
		}
		done <- err
	}()
	if _, err := sent.Write(make([]byte, 100<<10)); err != nil {
		t.Fatal(err)
	}
	until(1)
	cancel()
	_ = sent.CloseWithError(context.Canceled) // the client waits for its reading
	if err := <-done; err == nil {
		t.Error("it was answered")
	}
	until(0)
	if list := share(l); list.Count != 0 {
		t.Errorf("%+v", list)
	}
}

func share(l *kerneltest.Listener) (list media.ListResult) {
	l.MustCall("media.list", nil, &list)
	return list
}

func smallPictures(t *testing.T, k *kerneltest.Kernel, l *kerneltest.Listener) {
	f := keep(l, picture(t, 600, 300), "wide.png", "")
	before := share(l)
	for range 2 { // the second time it is there
		res, body := k.Exchange("GET", f.URL+"&thumb=100", nil, noToken...)
		c, err := png.DecodeConfig(strings.NewReader(body))
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "image/jpeg" && err != nil {
			t.Fatalf("%d %v %v", res.StatusCode, res.Header, err)
		}
		if j, kind, err := image.DecodeConfig(strings.NewReader(body)); kind == "jpeg" && (err != nil || j.Width != 128 || j.Height != 64) {
			t.Errorf("%+v %+v %v", c, j, err)
		}
	}
	after := share(l)
	if after.Count != before.Count+1 || len(after.Files) != len(before.Files) {
		t.Errorf("%d files, %d of them shown, and there were %d and %d", after.Count, len(after.Files), before.Count, len(before.Files))
	}
	small := keep(l, picture(t, 20, 10), "", "")
	if res, body := k.Exchange("GET", small.URL+"&thumb=64", nil); res.StatusCode != 200 || body != picture(t, 20, 10) {
		t.Errorf("%d", res.StatusCode)
	}
	bomb := []byte(picture(t, 64, 64))
	copy(bomb[16:], "\x00\x00\x75\x30\x00\x00\x75\x30") // 30,000 × 30,000 pixels, and the checksum is wrong
	for name, c := range map[string]struct {
		content, query string
		status         int
	}{
		"text": {"hello", "256", 400}, "half a picture": {picture(t, 300, 300)[:60], "256", 400}, "a bomb": {string(bomb), "256", 400},
		"no size": {picture(t, 300, 301), "x", 400}, "a negative one": {picture(t, 300, 302), "-1", 400},
	} {
		if res, body := k.Exchange("GET", keep(l, c.content, "", "").URL+"&thumb="+c.query, nil); res.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
		}
	}
	l.MustCall("media.delete", media.IDParams{ID: f.ID}, nil)
	l.Event("media.removed", func(p json.RawMessage) bool {
		return strings.Contains(string(p), f.ID) && strings.Contains(string(p), `"deleted"`)
	})
	if res, _ := k.Exchange("GET", f.URL+"&thumb=100", nil); res.StatusCode != 404 {
		t.Errorf("what was made from a file is there without it: %d", res.StatusCode)
	}
}

func filesAreListed(t *testing.T, _ *kerneltest.Kernel, l *kerneltest.Listener) {
	want := map[string]bool{}
	for i := range 5 {
		want[keep(l, fmt.Sprint("list ", i), "", "").ID] = true
	}
	var page media.ListResult
	for cursor := ""; ; cursor = page.NextCursor {
		page = media.ListResult{}
		l.MustCall("media.list", media.ListParams{Limit: 2, Cursor: cursor}, &page)
		for _, f := range page.Files {
			delete(want, f.ID)
		}
		if page.NextCursor == "" {
			break
		}
	}
	if len(want) != 0 {
		t.Errorf("not listed: %v", want)
	}
	if err := l.Call(t.Context(), "media.list", media.ListParams{Cursor: "x"}, nil); wit.CodeOf(err) != wit.CodeInvalid {
		t.Error(err)
	}
}

// tinyGIF is as much of a picture as it takes to be known for one.
const tinyGIF = "GIF89a\x01\x00\x01\x00"

// strangeServer has a picture, and ways to be no server that one wants. What drips does so until slow is closed.
func strangeServer(slow chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/cat.gif":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, tinyGIF)
		case "/to":
			http.Redirect(w, r, r.URL.Query().Get("u"), http.StatusFound)
		case "/large":
			for range 64 {
				_, _ = w.Write(make([]byte, 64<<10))
			}
		case "/lies":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, tinyGIF)
		case "/boasts":
			w.Header().Set("Content-Length", "999999999")
			_, _ = io.WriteString(w, tinyGIF)
		case "/drips":
			for i := 0; ; i++ {
				if _, err := io.WriteString(w, "x"); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-slow:
				}
			}
		case "/nothing":
		default:
			http.NotFound(w, r)
		}
	}
}

// badFetch is a fetch that has to fail with this code.
type badFetch struct {
	p    media.FetchParams
	want wit.Code
}

func badFetches() map[string]badFetch {
	return map[string]badFetch{
		"plain http":          {media.FetchParams{URL: "http://example.com/cat.gif"}, wit.CodeForbidden},
		"a file":              {media.FetchParams{URL: "file:///etc/passwd"}, wit.CodeInvalid},
		"no address":          {media.FetchParams{URL: "cat.gif"}, wit.CodeInvalid},
		"this machine":        {media.FetchParams{URL: "https://127.0.0.1/cat.gif"}, wit.CodeForbidden},
		"its name":            {media.FetchParams{URL: "https://localhost/cat.gif"}, wit.CodeForbidden},
		"in another notation": {media.FetchParams{URL: "https://0x7f000001/cat.gif"}, wit.CodeInvalid},
		"mapped":              {media.FetchParams{URL: "https://[::ffff:127.0.0.1]/cat.gif"}, wit.CodeForbidden},
		"a name of it":        {media.FetchParams{URL: "https://home.example.com/cat.gif"}, wit.CodeForbidden},
		"the cloud":           {media.FetchParams{URL: "https://cloud.example.com/cat.gif"}, wit.CodeForbidden},
		"a mapped name":       {media.FetchParams{URL: "https://mapped.example.com/cat.gif"}, wit.CodeForbidden},
		"public and private":  {media.FetchParams{URL: "https://both.example.com/cat.gif"}, wit.CodeForbidden},
		"leads here":          {media.FetchParams{URL: "https://example.com/to?u=https://127.0.0.1/"}, wit.CodeForbidden},
		"leads to the cloud":  {media.FetchParams{URL: "https://example.com/to?u=https://169.254.169.254/latest"}, wit.CodeForbidden},
		"leads to plain http": {media.FetchParams{URL: "https://example.com/to?u=http://example.com/cat.gif"}, wit.CodeForbidden},
		"leads to a mapped":   {media.FetchParams{URL: "https://example.com/to?u=https://[::ffff:a9fe:a9fe]/"}, wit.CodeForbidden},
		"leads to a file":     {media.FetchParams{URL: "https://example.com/to?u=file:///etc/passwd"}, wit.CodeForbidden},
		"leads nowhere":       {media.FetchParams{URL: "https://example.com/to?u=/to?u=/to"}, wit.CodeNotFound},
		"too large":           {media.FetchParams{URL: "https://example.com/large"}, wit.CodeTooLarge},
		"larger than wanted":  {media.FetchParams{URL: "https://example.com/cat.gif", MaxBytes: 3}, wit.CodeTooLarge},
		"says it is larger":   {media.FetchParams{URL: "https://example.com/boasts"}, wit.CodeTooLarge},
		"less than it says":   {media.FetchParams{URL: "https://example.com/lies"}, wit.CodeUnavailable},
		"not in time":         {media.FetchParams{URL: "https://example.com/drips", TimeoutMs: 100}, wit.CodeTimeout},
		"of no bytes":         {media.FetchParams{URL: "https://example.com/nothing"}, wit.CodeInvalid},
		"not there":           {media.FetchParams{URL: "https://example.com/404"}, wit.CodeNotFound},
		"of another type":     {media.FetchParams{URL: "https://example.com/cat.gif", Types: []string{"audio/*"}}, wit.CodeInvalid},
		"of no type":          {media.FetchParams{URL: "https://example.com/cat.gif", Types: []string{"*"}}, wit.CodeInvalid},
	}
}

// TestFilesOfTheWeb: what is fetched is bounded, is what its content is, and is on public addresses.
func TestFilesOfTheWeb(t *testing.T) {
	t.Parallel()
	slow := make(chan struct{})
	web, online := kerneltest.NewWeb(t, strangeServer(slow))
	defer close(slow)
	var seen []wit.Part
	brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		seen = c.Turns[len(c.Turns)-1].Content
		return kerneltest.Says("a cat"), nil
	})
	k := kerneltest.Start(t, online, kerneltest.Plugin(brain), kerneltest.Config(t, `{"media": {"maxFile": "1M"}}`))
	l := k.Listen()
	for host, address := range map[string]string{"home": "127.0.0.1", "cloud": "169.254.169.254", "mapped": "::ffff:127.0.0.1", "both": "93.184.216.34 10.0.0.1"} {
		web.Name(host+".example.com", address)
	}
	web.Name("rebinds.example.com", "93.184.216.34", "127.0.0.1")
	var cat media.File
	l.MustCall("media.fetch", media.FetchParams{URL: "https://example.com/to?u=https://www.example.com/cat.gif", Types: []string{"image/*"}}, &cat)
	if cat.Mime != "image/gif" || cat.Size != int64(len(tinyGIF)) || cat.Name != "to" {
		t.Errorf("%+v", cat)
	}
	for name, c := range badFetches() {
		if err := l.Call(t.Context(), "media.fetch", c.p, nil); wit.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list := share(l); list.Count != 1 {
		t.Errorf("what was refused has left something: %+v", list)
	}
	for _, at := range web.Dialed() {
		if !strings.HasPrefix(at, "93.184.216.34:") {
			t.Errorf("connected to %s", at)
		}
	}
	seesWhatIsAttached(t, k, l, cat, &seen)
}

// seesWhatIsAttached: by the address, by the id, in both forms; the history says where it can be loaded.
func seesWhatIsAttached(t *testing.T, k *kerneltest.Kernel, l *kerneltest.Listener, cat media.File, seen *[]wit.Part) {
	attach := func(run string, files ...any) error {
		return l.Call(t.Context(), "chat.send", map[string]any{"sessionKey": "main", "message": "what is it?", "idempotencyKey": run, "attachments": files}, nil)
	}
	for name, c := range map[string]struct {
		file any
		want wit.Code
	}{
		"a file that is gone": {map[string]any{"media": strings.Repeat("0", 64)}, wit.CodeNotFound},
		"a path":              {map[string]any{"media": "../carapace.json"}, wit.CodeNotFound},
		"this machine":        {map[string]any{"url": "https://127.0.0.1/cat.gif"}, wit.CodeForbidden},
		"nothing":             {map[string]any{"type": "image"}, wit.CodeInvalid},
	} {
		if err := attach(name, c.file); wit.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := attach("r", map[string]any{"media": cat.ID}, map[string]any{"url": "https://example.com/cat.gif"},
		map[string]any{"source": map[string]any{"type": "url", "url": "https://example.com/cat.gif"}})
	if err != nil {
		t.Fatal(err)
	}
	l.End("r")
	pictures := 0
	for _, p := range *seen {
		if p.Kind == wit.PartKindImage && *p.Media == cat.ID {
			pictures++
		}
	}
	if pictures != 1 { // one file is shown once
		t.Errorf("the model saw %d pictures: %+v", pictures, *seen)
	}
	var history chat.History
	l.MustCall("chat.history", map[string]any{"sessionKey": "main"}, &history)
	loaded := 0
	for _, c := range history.Messages[0].Content {
		if c.URL == "" {
			continue
		}
		if res, _ := k.Exchange("GET", c.URL, nil, noToken...); res.StatusCode == 200 && res.Header.Get("Content-Type") == "image/gif" {
			loaded++
		}
	}
	if loaded != 3 {
		t.Errorf("%d files can be loaded: %+v", loaded, history.Messages[0])
	}
	ask := func(url string) (*http.Response, string) {
		return k.Exchange("POST", "/v1/chat/completions", strings.NewReader(fmt.Sprintf(
			`{"messages":[{"role":"user","content":[{"type":"text","text":"and this?"},{"type":"image_url","image_url":{"url":%q}}]}]}`, url)))
	}
	if res, body := ask("https://example.com/cat.gif"); res.StatusCode != 200 || (*seen)[len(*seen)-1].Kind != wit.PartKindImage {
		t.Errorf("%d %s %+v", res.StatusCode, body, *seen)
	}
	for url, status := range map[string]int{"https://169.254.169.254/cat.gif": 403, "https://example.com/lies": 503, "https://example.com/404": 404, "http://example.com/cat.gif": 400} {
		if res, body := ask(url); res.StatusCode != status {
			t.Errorf("%s: %d %s", url, res.StatusCode, body)
		}
	}
}
