package manifest_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

const goodManifest = `{"id":"good-one","name":"Good","version":"1.2.3","description":"Good.",
"maturity":"beta","support":"https://example.org/ask","keywords":["chat","good-ness"],"changes":[{"version":"1.2.3","text":"Better."},{"version":"1.2.0","text":"Good."}],"abi":1,"host":">=1.0.0 <2","entry":"bundle.wasm#good-one",
"provides":{"channel":{"label":"Chat","operations":["edit","skip"],"webhook":{"auth":"hmac_sha256","header":"X-Sig","credential":"hook","methods":["POST"]}},
 "provider":{"label":"P"},"tools":[{"name":"t","description":"d","parameters":{"type":"object"}}],"hooks":[{"name":"message_sending","deadline":500}],
 "webhooks":[{"path":"-/push","accepts":{"auth":"bearer","credential":"token"}},{"path":"-/files/*","accepts":{"auth":"none","methods":["GET"]}}]},
"permissions":{"http":{"reason":"r","hosts":["api.example.org","*.example.org:8443","config:url"],"methods":["HEAD"],"paths":["/v1/"]},
 "credential":{"reason":"r","names":["token"]},"kv":{"reason":"r"}},
"config":{"type":"object","properties":{"url":{"type":"string","title":"Address","description":"Where.","default":"https://example.org","examples":["https://example.com"],"x-help":"Look there.","x-order":1},"token":{"type":"string","x-secret":true}}},
"limits":{"memory":1048576,"deadline":1000,"instances":"single","maxInstances":2}}`

func TestManifest(t *testing.T) {
	if _, err := manifest.Decode([]byte(goodManifest), "1.4.0"); err != nil {
		t.Fatal(err)
	}
	// Each case replaces one text of the good manifest and names what the error has to say.
	tests := []struct{ old, new, want string }{
		{`"good-one","name"`, `"Good_One","name"`, "id: "},
		{`"name":"Good"`, `"name":" "`, "name: is missing"},
		{`"name":"Good",`, ``, "name: is missing"},
		{`"version":"1.2.3"`, `"version":"1.2"`, "version: \"1.2\" is not a version such as"},
		{`"version":"1.2.3"`, `"version":1`, "version: expected a string"},
		{`"version":"1.2.3"`, `"version":"1.2.3-` + strings.Repeat("x", 64) + `"`, "is not a version such as"},
		{`"beta"`, `"finished"`, "maturity: \"finished\" is none of experimental, beta, stable"},
		{`"good-ness"`, `"Good Ness"`, "keywords[1]: "},
		{`{"version":"1.2.0"`, `{"version":"1.2.3"`, `changes[1].version: "1.2.3" is a duplicate`},
		{`{"version":"1.2.0"`, `{"version":"soon"`, `changes[1].version: "soon" is not a version`},
		{`"text":"Better."`, `"text":""`, "changes[0].text: is missing"},
		{`"title":"Address"`, `"title":7`, "config.properties.url: title, description and x-help are texts"},
		{`"title":"Address"`, `"title":"` + strings.Repeat("x", 65) + `"`, "config.properties.url.title: has 65 bytes"},
		{`"x-help":"Look there."`, `"x-help":"` + strings.Repeat("x", 501) + `"`, "config.properties.url.x-help: has 501 bytes"},
		{`"x-help":"Look there."`, `"x-help":["Look there."]`, "config.properties.url: title"},
		{`["https://example.com"]`, `"https://example.com"`, "config"},
		{`"x-order":1`, `"x-order":"first"`, "config.properties.url: title"},
		{`"description":"Good."`, `"description":"` + strings.Repeat("x", 501) + `"`, "description: has 501 bytes"},
		{`"abi":1`, `"abi":2`, "abi: 2 is not spoken"},
		{`"abi":1,`, ``, "abi: 0 is not spoken"},
		{`">=1.0.0 <2"`, `">=2"`, "host: this plugin wants a gateway >=2, and this is 1.4.0"},
		{`">=1.0.0 <2"`, `"whatever"`, "host: "},
		{`"bundle.wasm#good-one"`, `"plugin.ts#good-one"`, "entry"},
		{`"bundle.wasm#good-one"`, `"plugin.rb"`, "plugin.js or plugin.py"},
		{`"bundle.wasm#good-one"`, `"../plugin.wasm"`, "entry: "},
		{`"bundle.wasm#good-one"`, `"a/plugin.wasm"`, "entry: "},
		{`"bundle.wasm#good-one"`, `"plugin.exe"`, "entry: "},
		{`"bundle.wasm#good-one"`, `""`, "entry: "},
		{`"label":"Chat"`, `"label":""`, "provides.channel.label: is missing"},
		{`["edit","skip"]`, `["edit","fly"]`, "provides.channel.operations[1]: \"fly\""},
		{`"header":"X-Sig",`, ``, "provides.channel.webhook.header: is missing"},
		{`"credential":"hook",`, ``, "provides.channel.webhook.credential: is missing"},
		{`["POST"]`, `["TRACE"]`, "provides.channel.webhook.methods[0]"},
		{`"hmac_sha256"`, `"rot13"`, "provides.channel.webhook.auth: \"rot13\" is none of none, "},
		{`"name":"t"`, `"name":"t t"`, "provides.tools[0].name"},
		{`"description":"d"`, `"description":""`, "provides.tools[0].description"},
		{`,"parameters":{"type":"object"}`, ``, "provides.tools[0].parameters: is missing"},
		{`"parameters":{"type":"object"}`, `"parameters":{"type":"thing"}`, "provides.tools[0].parameters: is not a JSON Schema"},
		{`"parameters":{"type":"object"}`, `"parameters":7`, "provides.tools[0].parameters"},
		{`"parameters":{"type":"object"}`, `"parameters":{"$ref":"file:///etc/passwd"}`, "provides.tools[0].parameters"},
		{`"-/push"`, `"push"`, `provides.webhooks[0].path: "push" could be an account of the channel`},
		{`"-/push"`, `"-/files/*"`, `provides.webhooks[1].path: "-/files/*" is a duplicate`},
		{`"-/push"`, `"-/../push"`, "provides.webhooks[0].path: "},
		{`"-/push"`, `"/push"`, "provides.webhooks[0].path: "},
		{`"-/push"`, `"-/a*"`, "provides.webhooks[0].path: "},
		{`"path":"-/push",`, ``, "provides.webhooks[0].path: "},
		{`"bearer","credential":"token"`, `"bearer"`, "provides.webhooks[0].accepts.credential: is missing"},
		{`"bearer"`, `"header"`, "provides.webhooks[0].accepts.header: is missing"},
		{`["GET"]`, `["HEAD"]`, "provides.webhooks[1].accepts.methods[0]"},
		{`"message_sending"`, `"message_flying"`, "provides.hooks[0].name: \"message_flying\" is none of message_received, "},
		{`"deadline":500`, `"deadline":-1`, "provides.hooks[0].deadline"},
		{`"http":{"reason":"r"`, `"http":{"reason":""`, "permissions.http.reason: is missing"},
		{`"kv":{"reason":"r"}`, `"kv":{}`, "permissions.kv.reason: is missing"},
		{`"*.example.org:8443"`, `"*"`, "permissions.http.hosts[1]"},
		{`"*.example.org:8443"`, `"https://example.org"`, "permissions.http.hosts[1]"},
		{`"*.example.org:8443"`, `"a.*.org"`, "permissions.http.hosts[1]"},
		{`"config:url"`, `"config:"`, "permissions.http.hosts[2]"},
		{`["HEAD"]`, `["head"]`, "permissions.http.methods[0]"},
		{`"/v1/"`, `"/v1/../"`, "permissions.http.paths[0]"},
		{`"names":["token"]`, `"names":[]`, "permissions.credential.names"},
		{`"names":["token"]`, `"names":["a b"]`, "permissions.credential.names[0]"},
		{`"config":{"type":"object"`, `"config":{"type":"thing"`, "config: is not a JSON Schema"},
		{`"url":{"type":"string",`, `"url":{"type":"object","properties":{"key":{"type":"string","x-secret":true}},`, "config: has x-secret in a nested field"},
		{`"memory":1048576`, `"memory":9999999999`, "limits.memory"},
		{`"maxInstances":2`, `"maxInstances":2000`, "limits.maxInstances"},
		{`"instances":"single"`, `"instances":"many"`, "limits.instances: \"many\" is none of warm, fresh, single"},
		{`"abi":1`, `"abi":1,"surprise":true`, "surprise: unknown field"},
		{`{"id"`, `["id"`, "plugin.json:1:1: "},
	}
	for _, tt := range tests {
		text := strings.Replace(goodManifest, tt.old, tt.new, 1)
		if text == goodManifest {
			t.Fatalf("%s does not stand in the manifest", tt.old)
		}
		_, err := manifest.Decode([]byte(text), "1.4.0")
		if err == nil || !strings.Contains(err.Error(), tt.want) || wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v, want %q", tt.new, err, tt.want)
		}
	}
	for _, gateway := range []string{"1.4.0-rc.1", "dev", ""} {
		if _, err := manifest.Decode([]byte(goodManifest), gateway); err != nil {
			t.Errorf("gateway %q: %v", gateway, err)
		}
	}
	nothing := strings.Replace(goodManifest, `"provides":{`, `"provides":{},"x":{`, 1)
	if _, err := manifest.Decode([]byte(nothing), ""); err == nil {
		t.Error("a manifest that provides nothing passes")
	}
}

// TestTokens: a recipe of an access token that can never work is refused, with what to do.
func TestTokens(t *testing.T) {
	const (
		refresh = `{"name":"access","tokenUrl":"https://api.example.org/v1/token","clientId":"c","refreshToken":"refresh"}`
		client  = `{"name":"access","grant":"client_credentials","tokenUrl":"config:url","clientId":"config:url","clientSecret":"secret","scopes":["a","b:c"]}`
		bearer  = `{"name":"access","grant":"jwt_bearer","tokenUrl":"https://api.example.org/v1/token","issuer":"me@example.org","key":"key","keyId":"1","algorithm":"es256"}`
	)
	with := func(recipes string) string {
		m := strings.Replace(goodManifest, `"names":["token"]`, `"names":["token","access","refresh","secret","key"]`, 1)
		m = regexp.MustCompile(`"methods":[^:]*"paths"`).ReplaceAllString(m, `"methods":["GET","POST"],"paths"`)
		return strings.Replace(m, `"abi":1,`, `"abi":1,"oauth2":[`+recipes+`],`, 1)
	}
	for _, tt := range []struct{ from, old, new, want string }{
		{refresh, "", "", ""}, {client, "", "", ""}, {bearer, "", "", ""},
		{refresh, `"access"`, `"other"`, `oauth2[0].name: needs "other" among permissions.credential.names`},
		{refresh, `"access"`, `"token"`, `oauth2[0].name: "token" is a field of config too`},
		{refresh, `"access"`, `"refresh"`, `oauth2[0].refreshToken: "refresh" is an access token`},
		{refresh, `"refreshToken":"refresh"`, `"refreshToken":"other"`, `oauth2[0].refreshToken: needs "other"`},
		{refresh, `,"refreshToken":"refresh"`, ``, `oauth2[0].refreshToken: is missing: a token cannot be got without by refresh_token`},
		{refresh, `"clientId":"c",`, ``, `oauth2[0].clientId: is missing`},
		{refresh, `"clientId":"c"`, `"clientId":"config:other"`, `oauth2[0].clientId: names the field "other", which config does not have`},
		{refresh, `"clientId":"c"`, `"clientId":"c","key":"key"`, `oauth2[0].key: is not looked at by refresh_token`},
		{refresh, `"clientId":"c"`, `"clientId":"c","audience":"a"`, `oauth2[0].audience: is not looked at`},
		{refresh, `"clientId":"c"`, `"clientId":"c","scopes":["a b"]`, `oauth2[0].scopes: "a b" is no scope`},
		{refresh, `"clientId":"c"`, `"clientId":"c","parameters":[{"name":"grant_type","value":"x"}]`, `oauth2[0].parameters: "grant_type" is the kernel's own`},
		{refresh, `"clientId":"c"`, `"clientId":"c","parameters":[{"name":"resource","value":"config:other"}]`, `oauth2[0].parameters[0].value: names the field`},
		{refresh, `https://api.example.org/v1/token`, `https://other.example.com/v1/token`, `oauth2[0].tokenUrl: needs "other.example.com" among permissions.http.hosts`},
		{refresh, `/v1/token`, `/token`, `oauth2[0].tokenUrl: needs a prefix of "/token" among permissions.http.paths`},
		{refresh, `https://api.example.org/v1/token`, `http://api.example.org/v1/token`, `oauth2[0].tokenUrl`},
		{client, `,"clientSecret":"secret"`, ``, `oauth2[0].clientSecret: is missing`},
		{bearer, `,"key":"key"`, ``, `oauth2[0].key: is missing`},
		{client, `"scopes":["a","b:c"]`, `"json":{"clientId":"app_id","clientSecret":"app_secret","token":"token"}`, ``},
		{client, `"config:url",`, `"config:url/v1/token",`, ``},
		{client, `"scopes"`, `"json":{"clientId":"app_id","clientSecret":"app_secret","token":"token"},"scopes"`, `oauth2[0].scopes: is not looked at`},
		{refresh, `"clientId":"c"`, `"clientId":"c","json":{"clientId":"app_id","clientSecret":"app_secret","token":"token"}`, `oauth2[0].json: is not looked at by refresh_token`},
		{bearer, `"issuer":"me@example.org",`, ``, `oauth2[0].issuer: is missing`},
		{bearer, `"jwt_bearer"`, `"implicit"`, `oauth2[0].grant: "implicit" is none of refresh_token, `},
		{refresh + "," + refresh, "", "", `oauth2[1].name: "access" is a duplicate`},
	} {
		_, err := manifest.Decode([]byte(with(strings.Replace(tt.from, tt.old, tt.new, 1))), "1.4.0")
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.new, err, tt.want)
		}
	}
	if _, err := manifest.Decode([]byte(strings.Replace(with(refresh), `"GET","POST"`, `"GET"`, 1)), ""); err == nil || !strings.Contains(err.Error(), "is called by POST, which permissions.http.methods") {
		t.Error(err)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(goodManifest))
	f.Add([]byte(`{"id":"a","provides":{"tools":[{"parameters":{"$ref":"#"}}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := manifest.Decode(data, "1.4.0")
		if err != nil {
			if c := wit.CodeOf(err); c != wit.CodeInvalid && c != wit.CodeTooLarge {
				t.Fatalf("code %s: %v", c, err)
			}
			return
		}
		again, err := manifest.Decode(wit.Marshal(m), "1.4.0")
		if err != nil {
			t.Fatalf("%s: accepted once only: %v", data, err)
		}
		a, _ := json.Marshal(m)
		b, _ := json.Marshal(again)
		if string(a) != string(b) {
			t.Fatalf("%s became %s", a, b)
		}
	})
}
