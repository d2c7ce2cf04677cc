package main

import "strings"

// initialisms are written in capitals in Go names.
var initialisms = map[string]string{
	"id": "ID", "ids": "IDs", "url": "URL", "http": "HTTP", "json": "JSON", "sse": "SSE",
	"ndjson": "NDJSON", "kv": "KV", "tts": "TTS", "stt": "STT", "ttl": "TTL", "tcp": "TCP", "tls": "TLS", "hmac": "HMAC",
	"sha256": "SHA256", "sha1": "SHA1", "sha512": "SHA512", "jwt": "JWT", "rsa": "RSA", "pss": "PSS", "es256": "ES256", "sigv4": "SigV4", "oauth2": "OAuth2", "rs256": "RS256", "ok": "OK", "abi": "ABI", "utf16": "UTF16", "html": "HTML",
}

func pascal(kebab string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(kebab, "-") {
		if upper, ok := initialisms[word]; ok {
			b.WriteString(upper)
			continue
		}
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func camel(kebab string) string {
	var b strings.Builder
	for i, word := range strings.Split(kebab, "-") {
		if i > 0 {
			word = strings.ToUpper(word[:1]) + word[1:]
		}
		b.WriteString(word)
	}
	return b.String()
}

func snake(kebab string) string { return strings.ReplaceAll(kebab, "-", "_") }
