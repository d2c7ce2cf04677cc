// Package bedrocktest is a server of Amazon Bedrock for tests: ConverseStream, ListFoundationModels and ListInferenceProfiles. It checks signatures
// and API keys, refuses what the API refuses (texts of blanks, roles that do not take turns, calls without results, calls in
// a conversation without tools, reasoning that was changed), and streams a script as packets.
package bedrocktest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// The keys that are accepted.
const (
	APIKey    = "bedrock-api-key-test"
	AccessKey = "AKIATEST"
	SecretKey = "secret-test"
	Region    = "us-east-1"
)

// Server is the API. It is an http.Handler, and safe for concurrent use.
type Server struct {
	// Unlisted says that the keys may not list inference profiles.
	Unlisted bool

	mu       sync.Mutex
	script   []Reply
	requests []Request
	signed   map[string]reasoning // by signatures
}

// Request is one that the server got and took for good.
type Request struct {
	Model  string
	Body   []byte
	Parsed Converse
}

// New returns a server that plays these replies, one for each good request, and 500 after the last one.
func New(replies ...Reply) *Server { return &Server{script: replies, signed: map[string]reasoning{}} }

// Script adds replies.
func (s *Server) Script(replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, replies...)
}

// Requests returns the good requests so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if kind, message := authorize(r, body); kind != "" {
		refuse(w, http.StatusForbidden, kind, message)
		return
	}
	model, ok := strings.CutPrefix(r.URL.Path, "/model/")
	model, stream := strings.CutSuffix(model, "/converse-stream")
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/foundation-models":
		list(w)
	case r.Method == http.MethodGet && r.URL.Path == "/inference-profiles" && r.URL.Query().Get("type") == "SYSTEM_DEFINED":
		s.profiles(w, r)
	case r.Method == http.MethodPost && ok && stream:
		s.converse(w, r, model, body)
	default:
		refuse(w, http.StatusNotFound, "UnknownOperationException", "")
	}
}

func (s *Server) converse(w http.ResponseWriter, r *http.Request, model string, body []byte) {
	request := Request{Model: model, Body: body}
	if kind, problem := s.check(model, body, &request.Parsed); kind != "" {
		status := http.StatusBadRequest
		if kind == "AccessDeniedException" {
			status = http.StatusForbidden
		}
		refuse(w, status, kind, problem)
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, request)
	reply := Reply{Status: 500, Kind: "InternalServerException", Message: "The script has ended."}
	if len(s.script) > 0 {
		reply, s.script = s.script[0], s.script[1:]
	}
	for _, b := range reply.Blocks {
		if b.Signature != "" {
			s.signed[b.Signature] = reasoning{strings.Join(b.Thinking, ""), request.Parsed.before(len(request.Parsed.Messages))}
		}
	}
	s.mu.Unlock()
	reply.write(w, r)
}

func list(w http.ResponseWriter) {
	model := func(id, name, input, kinds string, streams bool) map[string]any {
		return map[string]any{"modelId": id, "modelName": name, "inputModalities": strings.Fields(input), "outputModalities": []string{"TEXT"},
			"inferenceTypesSupported": strings.Fields(kinds), "responseStreamingSupported": streams}
	}
	writeJSON(w, http.StatusOK, map[string]any{"modelSummaries": []any{
		model("amazon.nova-pro-v1:0", "Nova Pro", "TEXT IMAGE VIDEO", "ON_DEMAND INFERENCE_PROFILE", true),
		model("anthropic.claude-sonnet-4-5-20250929-v1:0", "Claude Sonnet 4.5", "TEXT IMAGE", "INFERENCE_PROFILE", true),
		model("cohere.rerank-v3-5:0", "Rerank 3.5", "TEXT", "ON_DEMAND", false),
	}})
}

// profiles lists those by which Claude is called where the request goes to, as "Supported Regions and models for inference profiles" has them.
func (s *Server) profiles(w http.ResponseWriter, r *http.Request) {
	if s.Unlisted {
		refuse(w, http.StatusForbidden, "AccessDeniedException", "User is not authorized to perform: bedrock:ListInferenceProfiles")
		return
	}
	area := "us"
	for region, its := range map[string]string{"ap-northeast-1": "jp", "ap-southeast-2": "au", "eu-west-1": "eu", "ap-south-1": "global"} {
		if strings.Contains(r.Host, "."+region+".") {
			area = its
		}
	}
	var list []any
	for _, id := range []string{area + ".anthropic.claude-sonnet-4-5-20250929-v1:0", "global.anthropic.claude-sonnet-4-5-20250929-v1:0"} {
		list = append(list, map[string]any{"inferenceProfileId": id, "status": "ACTIVE", "type": "SYSTEM_DEFINED"})
	}
	writeJSON(w, http.StatusOK, map[string]any{"inferenceProfileSummaries": list})
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-Errortype", kind+":http://internal.amazon.com/coral/com.amazon.bedrock/")
	writeJSON(w, status, map[string]any{"message": message})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a client that has gone gets nothing
}

// authorize looks at the API key or at the signature, and returns the kind of failure and its words.
func authorize(r *http.Request, body []byte) (kind, message string) {
	given := r.Header.Get("Authorization")
	if given == "Bearer "+APIKey {
		return "", ""
	}
	rest, ok := strings.CutPrefix(given, "AWS4-HMAC-SHA256 ")
	if !ok {
		return "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid."
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	scope, ok := strings.CutPrefix(fields["Credential"], AccessKey+"/")
	if !ok {
		return "UnrecognizedClientException", "The security token included in the request is invalid."
	}
	if want := signature(r, body, scope, fields["SignedHeaders"]); !hmac.Equal([]byte(want), []byte(fields["Signature"])) {
		return "InvalidSignatureException", "The request signature we calculated does not match the signature you provided."
	}
	return "", ""
}

// signature is a request's by Signature Version 4, of this scope (date/region/service/aws4_request) and these headers.
func signature(r *http.Request, body []byte, scope, headers string) string {
	var segments []string
	for segment := range strings.SplitSeq(r.URL.EscapedPath(), "/") {
		segments = append(segments, strings.ReplaceAll(url.QueryEscape(segment), "+", "%20")) // escaped twice, but for S3
	}
	canonical := r.Method + "\n" + strings.Join(segments, "/") + "\n" + strings.ReplaceAll(r.URL.Query().Encode(), "+", "%20") + "\n"
	for name := range strings.SplitSeq(headers, ";") {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		if name == "content-length" {
			value = r.Header.Get("Content-Length")
		}
		canonical += name + ":" + strings.Join(strings.Fields(value), " ") + "\n"
	}
	sum := func(data []byte) string { h := sha256.Sum256(data); return hex.EncodeToString(h[:]) }
	canonical += "\n" + headers + "\n" + sum(body)
	key := []byte("AWS4" + SecretKey)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+r.Header.Get("X-Amz-Date")+"\n"+scope+"\n"+sum([]byte(canonical))))
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = io.WriteString(m, text) // a hash takes all
	return m.Sum(nil)
}
