package kerneltest

import (
	"io"
	"net/http"
)

// Exchange makes a request of the kernel with the gateway's token and returns the answer, whose body is read and closed, and the
// body. Headers are names and values: they count more, and one of no value is left out.
func (k *Kernel) Exchange(method, path string, body io.Reader, headers ...string) (*http.Response, string) {
	k.t.Helper()
	r, err := http.NewRequestWithContext(k.t.Context(), method, "http://127.0.0.1"+path, body)
	if err != nil {
		k.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+Token)
	for i := 0; i+1 < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	res, err := k.HTTP().Do(r)
	if err != nil {
		k.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	return res, string(text)
}
