# carapace: `make` lists what can be made.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO      ?= go
LDFLAGS := -s -w -X main.version=$(VERSION)
WASM    := GOOS=wasip1 GOARCH=wasm $(GO) build -trimpath -buildmode=c-shared -ldflags="-s -w"
DIST    := builtin-plugins/dist
BUNDLES := $(patsubst builtin-plugins/bundle/%,$(DIST)/%.wasm,$(wildcard builtin-plugins/bundle/*))
QUICKJS := kernel/runtime/quickjs
PYTHON  := kernel/runtime/python
GUEST   := $(shell find wit sdk/go builtin-plugins \( -name '*.go' -o -path '*/page/*' \) -not -name '*_test.go' 2>/dev/null)
RUNTIME := $(shell find kernel/runtime cmd/precompile -name '*.go' -not -name '*_test.go' 2>/dev/null)

# Tests, checks and the gateway are compiled alike, as the gateway is shipped, so that they share what is compiled: without C, which
# only the race detector needs, and without the paths of this machine.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath $(filter-out -trimpath,$(shell $(GO) env GOFLAGS))

.DEFAULT_GOAL := help
.PHONY: help run build plugins toolchains test check quick vet lint fuzz generate interop servers js go python as rust oci twilio openai anthropic gemini bedrock googlechat teams feishu mattermost zulip nextcloud ntfy clients mcp proxies demo first-plugin hostile bench profile compare house mutate fmt clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build everything and start the gateway on this machine
	bin/carapace

build: plugins ## build bin/carapace with the built-in plugins inside
	$(GO) build -ldflags="$(LDFLAGS)" -o bin/carapace ./cmd/carapace

plugins: $(DIST)/seed ## build the built-in plugins as WebAssembly, and compile that for this machine

$(BUNDLES): $(DIST)/%.wasm: $(GUEST) go.mod go.sum
	@mkdir -p $(DIST)
	$(WASM) -o $@ ./builtin-plugins/bundle/$*

# The JavaScript interpreter is no code of ours. A gateway that is built without npm has none, and says so of each plugin
# that is a script.
$(DIST)/quickjs.wasm: $(QUICKJS)/package-lock.json
	@mkdir -p $(DIST)
	@if command -v npm >/dev/null; then npm ci --prefix $(QUICKJS) --ignore-scripts --no-audit --no-fund --silent && \
		cp $(QUICKJS)/node_modules/quickjs-wasi/quickjs.wasm $@; \
	else echo "npm is not there: the gateway is built without JavaScript"; fi

$(DIST)/seed: $(BUNDLES) $(DIST)/quickjs.wasm $(RUNTIME)
	$(GO) run ./cmd/precompile -out $@ $(BUNDLES) $(wildcard $(DIST)/quickjs.wasm)

# What is compiled with them are examples and tests: the gateway is built without.
toolchains: sdk/as/node_modules/.package-lock.json sdk/zig/compiler/installed $(PYTHON)/node_modules/.package-lock.json ## install the compilers of AssemblyScript and Zig, and Python for the sandbox, which tests need beside clang and lld

# The Python interpreter is among them: it is no code of ours, and no gateway has it inside.
%/node_modules/.package-lock.json: %/package-lock.json
	npm ci --prefix $* --ignore-scripts --no-audit --no-fund
	@touch $@

sdk/zig/compiler/installed: sdk/zig/requirements.txt
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r $<
	ln -sf "$$($(@D)/bin/python -c 'import ziglang; print(ziglang.__path__[0])')/zig" $(@D)/bin/zig
	@touch $@

# The race detector makes compilers ten times slower: the specification's suite, the README's builds, the author's loop and
# what compiles Python's interpreter or many real plugins, or does the same hundreds of times, or packs as much as can be packed, run
# without it, and so do commands that are processes of their own, tables of inputs that each boot a gateway, and what only reads the
# source. They come first: they compile the built-in plugins, and the guests of tests, for those that come after.
RACED := kernel wit sdk/go cmd/carapace/talk cmd/carapace/tui
SLOW  := Spec|Conformance|ReadmePlugin|AuthorsLoop|Python|Program|Isolation|RealPlugin|RealModule|RemovedMeanwhile|ReplacesNothing|WholeOrNothing|MayFail|KilledAnywhere|FromTheField|TelegramOutages|IsSentOnce|OfAJobIsOne|EachBitCounts|ACheckIsBoundedWork|GuestErrors|ASeedSpares|House|NamesNoVendor|EveryHookFails|GoGuestsCompile|WithoutAService|KeptHistoriesAreTrue|OrderIsThatOfAScan|PagesAreThoseOf|AsMuchAsIsRead
SLOWS := $$(grep -rlE '^func (Test|Fuzz|Example)[A-Za-z0-9_]*($(SLOW))' --include='*_test.go' $(RACED) | xargs -n1 dirname | sort -u | sed 's|^|./|')

# A third of the time went into collecting garbage. Many tests wait, so that more of them than there are processors run beside
# each other. With RACE=1 the tests are not vetted: check does that before, of all packages at once. GOTEST is what runs them: CI
# has a command of its own there.
test: GOTEST ?= $(GO) test
test: export GOGC = 300
test: plugins toolchains ## run the tests; RACE=1 runs each with the race detector that it does not make ten times slower
ifdef RACE
	$(GOTEST) -vet=off -run '$(SLOW)' $(SLOWS)
	$(GOTEST) -vet=off -p 4 -timeout 20m $$($(GO) list ./... | grep -vE '^[^/]*/[^/]*/carapace/($(subst $() $(),|,$(RACED)))(/|$$)')
	CGO_ENABLED=1 $(GOTEST) -vet=off -p 3 -race -timeout 20m -skip '$(SLOW)' $(RACED:%=./%/...)
else
	$(GOTEST) ./...
endif
	$(GOTEST) -tags extism -run UnderStockExtism ./sdk/go ./builtin-plugins

check: quick ## all that CI checks: what quick does, and the tests, with the race detector
	$(MAKE) test RACE=1

quick: ## what can be said without running a test, the cheapest first: formatting, drift of what is generated, vet, staticcheck, dead code
	@$(MAKE) --no-print-directory fmt
	@$(MAKE) --no-print-directory generate
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory vet

# Whether it compiles on Windows is said by the dead code's checker too, which reads it all and makes no code of it.
vet: ## look for mistakes that compile, and for what does not compile on Windows
	$(GO) vet ./...
	$(GO) build -o bin/deadcode golang.org/x/tools/cmd/deadcode
	GOOS=windows bin/deadcode ./cmd/... >/dev/null

# Dead is what no command reaches; what only tests use lives in folders that end in test.
lint: ## staticcheck, and code that nobody calls
	@dead="$$($(GO) tool deadcode -filter 'carapace/(kernel|cmd)' ./cmd/... | grep -Ev '^kernel/kerneltest/|^[^:]*test/[^/]*:')"; \
	test -z "$$dead" || (echo "$$dead" && exit 1)
	$(GO) tool staticcheck ./...

house: ## print the picture of the code: sizes, longest functions, largest types, who imports whom
	@$(GO) run ./cmd/house

fuzz: ## fuzz each decoder of foreign bytes for 30 seconds
	.ci/fuzz 30s

PKG ?= ./kernel/auth
N   ?= 0
mutate: ## change PKG in N small places (0: all), one at a time, and list the changes that no test notices
	$(GO) run ./cmd/mutate -n $(N) $(PKG) $(if $(TESTS),-- $(TESTS))

generate: ## write what is generated from wit/ and from the method table, and fail if that changed anything
	@before="$$(git diff -- wit sdk kernel/host docs)"; set -ex; \
	$(GO) run ./sdk/gen; \
	$(GO) run ./cmd/protocol; \
	$(GO) run ./cmd/channels; \
	set +x; test "$$before" = "$$(git diff -- wit sdk kernel/host docs)" || \
		(git diff --stat -- wit sdk kernel/host docs; echo "generated files were out of date: commit the change"; exit 1)

fmt: ## fail if a file is not formatted
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || (gofmt -l $$(git ls-files '*.go'); exit 1)

interop: build $(patsubst %,.ci/%/node_modules/.package-lock.json,interop interop4 openclaw) ## drive the gateway with foreign command lines, node hosts and web pages from npm, of protocol 3 and 4; the pages need Chromium
	$(GO) test -count=1 -timeout 30m -v ./.ci/interop ./.ci/interop4

# apt-get install --no-install-recommends inspircd ngircd dovecot-imapd dovecot-lmtpd mosquitto postfix prosody
SYNAPSE := .ci/servers/matrix/synapse
servers: export CARAPACE_SERVERS = 1
servers: plugins $(SYNAPSE)/installed ## drive the gateway with real servers: of IRC, mail, MQTT and XMPP as Debian has them, and Synapse, which is installed first
	$(GO) test -count=1 -timeout 15m -v ./.ci/servers/...

$(SYNAPSE)/installed: .ci/servers/matrix/requirements.txt
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r $<
	@touch $@

js: sdk/js/node_modules/.package-lock.json ## type-check and test the JavaScript SDK and the examples in TypeScript, with node and what npm installs
	npm run --prefix sdk/js check
	npm test --prefix sdk/js

go: ## pack this module as a module proxy serves it, and build and test new plugins in Go with nothing else
	$(GO) test -count=1 -v ./.ci/module

python: ## pack the Python SDK as a wheel, install it with pip, and test the examples and new plugins in Python with it
	$(GO) test -count=1 -v ./.ci/wheel

# The crate is tested as it is packed, with the code of its README.
RUST := bin/rust/package/carapace-$(shell sed -n 's/^version = "\(.*\)"/\1/p' sdk/rust/Cargo.toml)
rust: ## pack, lint and test the Rust SDK, and the examples in Rust, with cargo
	cargo package --offline --quiet --allow-dirty --no-verify --manifest-path sdk/rust/Cargo.toml --target-dir bin/rust
	rm -rf $(RUST) && tar -C bin/rust/package -xzf $(RUST).crate
	cargo fmt --check --manifest-path sdk/rust/Cargo.toml
	for crate in $(RUST) pdk-examples/rust-*; do \
		cargo clippy --offline --quiet --all-targets --manifest-path $$crate/Cargo.toml --target-dir bin/rust -- -D warnings && \
		cargo test --offline --quiet --manifest-path $$crate/Cargo.toml --target-dir bin/rust || exit 1; \
	done
	cargo clippy --offline --quiet --target wasm32-wasip1 --manifest-path $(RUST)/Cargo.toml --target-dir bin/rust -- -D warnings
	cargo clippy --offline --quiet --target wasm32-wasip1 --features extism --manifest-path $(RUST)/Cargo.toml --target-dir bin/rust -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --offline --quiet --no-deps --manifest-path sdk/rust/Cargo.toml --target-dir bin/rust

as: toolchains ## test the AssemblyScript SDK with node
	npm test --prefix sdk/as

oci: ## read archives of plugins from a registry server of others, which is compiled first
	$(GO) test -C .ci/oci -count=1 -vet=off -mod=mod -v .

twilio: ## let Twilio's own client library speak to the server that stands in for Twilio in tests
	$(GO) test -C .ci/twilio -count=1 -vet=off -mod=mod -v .

openai: .ci/openai/node_modules/.package-lock.json ## drive the gateway with OpenAI's own client libraries, for Node and Go
	$(GO) test -C .ci/openai -count=1 -vet=off -v .

anthropic: .ci/anthropic/node_modules/.package-lock.json ## drive the test server of the Messages API with Anthropic's own client library for Node; that for Go is in the tests
	$(GO) test -count=1 -v ./.ci/anthropic

gemini: ## drive the test server of the Gemini API with Google's own client library for Go
	$(GO) test -C .ci/gemini -count=1 -vet=off -mod=mod -v .

bedrock: ## drive the test server of Amazon Bedrock with Amazon's own client library for Go
	$(GO) test -C .ci/bedrock -count=1 -vet=off -mod=mod -v .

# What CI leaves out, since it compiles hundreds of packages of others.
clients: googlechat feishu mattermost twilio ## drive the test servers of channels with their vendors' large client libraries

googlechat: ## drive the test server of Google Chat with Google's own client library for Go
	$(GO) test -C .ci/googlechat -count=1 -vet=off -mod=mod -v .

teams: .ci/teams/node_modules/.package-lock.json ## drive the test server of the Bot Connector with Microsoft's own client library for Node
	$(GO) test -count=1 -v ./.ci/teams

feishu: ## drive the test server of Feishu with its own client library for Go
	$(GO) test -C .ci/feishu -count=1 -vet=off -mod=mod -v .

mattermost: ## drive the test server of Mattermost with Mattermost's own client library for Go
	$(GO) test -C .ci/mattermost -count=1 -vet=off -mod=mod -v .

ZULIP := .ci/zulip/client
zulip: $(ZULIP)/installed ## drive the test server of Zulip with Zulip's own client library for Python, which is installed first
	$(GO) test -count=1 -v ./.ci/zulip

$(ZULIP)/installed: .ci/zulip/requirements.txt
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r $<
	@touch $@

ntfy: .ci/ntfy/node_modules/.package-lock.json ## drive the test server of ntfy with a client library for Node
	$(GO) test -count=1 -v ./.ci/ntfy

NEXTCLOUD := .ci/nextcloud/client
nextcloud: $(NEXTCLOUD)/installed ## drive the test server of Nextcloud Talk with Nextcloud's own client library for Python, which is installed first
	$(GO) test -count=1 -v ./.ci/nextcloud

$(NEXTCLOUD)/installed: .ci/nextcloud/requirements.txt
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r $<
	@touch $@

mcp: .ci/mcp/node_modules/.package-lock.json ## drive /mcp with the official MCP client for TypeScript
	$(GO) test -C .ci/mcp -count=1 -vet=off -v .

proxies: ## run the settings of docs/proxy.md with nginx and Caddy, which have to be installed
	$(GO) test -count=1 -v ./.ci/proxy

CHANNEL ?= telegram
demo: build ## 500 messages through CHANNEL (telegram, …) while the gateway is killed ten times
	$(GO) run ./cmd/demo -gateway bin/carapace -channel $(CHANNEL)

first-plugin: build toolchains ## do what docs/plugins.md says to begin with, in each language, and print how long it takes
	$(GO) run ./cmd/demo -gateway bin/carapace -first

hostile: build ## drop hostile plugins into a running gateway, and measure health and chats meanwhile
	$(GO) run ./cmd/hostile -gateway bin/carapace

bench: build ## measure, print Markdown tables, write bin/bench.json and bin/bench.svg; BENCH="-only growth -short" for a part
	$(GO) run ./cmd/bench -gateway bin/carapace -out bin/bench.json $(BENCH)

profile: plugins ## a processor profile of each request and turn that bench measures, in bin/profiles, for go tool pprof
	$(GO) build -trimpath -tags profile -o bin/carapace-profile ./cmd/carapace
	$(GO) run ./cmd/bench -gateway bin/carapace-profile -only cost -out bin/profiles.json -profile bin/profiles

compare: ## the benchmarks of the hot paths here and at BASE (the last tag), in turn, and how they differ
	.ci/compare $(BASE)

clean: ## remove what was built
	rm -rf bin $(DIST)/*.wasm $(DIST)/*.json $(DIST)/seed
