# carapace: `make` lists what can be made.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO      ?= go
LDFLAGS := -s -w -X main.version=$(VERSION)
WASM    := GOOS=wasip1 GOARCH=wasm $(GO) build -trimpath -buildmode=c-shared -ldflags="-s -w"
DIST    := builtin-plugins/dist
QUICKJS := kernel/runtime/quickjs
PYTHON  := kernel/runtime/python
GUEST   := $(shell find wit sdk/go builtin-plugins -name '*.go' -not -name '*_test.go' 2>/dev/null)
RUNTIME := $(shell find kernel/runtime cmd/precompile -name '*.go' -not -name '*_test.go' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run build plugins toolchains test check vet lint race fuzz generate interop js as rust oci openai proxies demo first-plugin hostile bench profile compare house mutate fmt clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build everything and start the gateway on this machine
	bin/carapace

build: plugins ## build bin/carapace with the built-in plugins inside
	$(GO) build -trimpath -ldflags="$(LDFLAGS)" -o bin/carapace ./cmd/carapace

plugins: $(DIST)/seed ## build the built-in plugins as WebAssembly, and compile that for this machine

$(DIST)/bundle.wasm: $(GUEST) go.mod go.sum
	@mkdir -p $(DIST)
	$(WASM) -o $@ ./builtin-plugins/bundle

# The JavaScript interpreter is no code of ours. A gateway that is built without npm has none, and says so of each plugin
# that is a script.
$(DIST)/quickjs.wasm: $(QUICKJS)/package-lock.json
	@mkdir -p $(DIST)
	@if command -v npm >/dev/null; then npm ci --prefix $(QUICKJS) --ignore-scripts --no-audit --no-fund --silent && \
		cp $(QUICKJS)/node_modules/quickjs-wasi/quickjs.wasm $@; \
	else echo "npm is not there: the gateway is built without JavaScript"; fi

$(DIST)/seed: $(DIST)/bundle.wasm $(DIST)/quickjs.wasm $(RUNTIME)
	$(GO) run ./cmd/precompile -out $@ $(wildcard $(DIST)/*.wasm)

# What is compiled with them are examples and tests: the gateway is built without.
toolchains: sdk/as/node_modules/.package-lock.json sdk/zig/compiler/installed $(PYTHON)/node_modules/.package-lock.json ## install the compilers of AssemblyScript and Zig, and Python for the sandbox, which tests need beside clang and lld

# The Python interpreter is no code of ours, and no gateway has it inside.
$(PYTHON)/node_modules/.package-lock.json: $(PYTHON)/package-lock.json
	npm ci --prefix $(PYTHON) --ignore-scripts --no-audit --no-fund
	@touch $@

sdk/as/node_modules/.package-lock.json: sdk/as/package-lock.json
	npm ci --prefix sdk/as --ignore-scripts --no-audit --no-fund
	@touch $@

sdk/zig/compiler/installed: sdk/zig/requirements.txt
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r $<
	ln -sf "$$($(@D)/bin/python -c 'import ziglang; print(ziglang.__path__[0])')/zig" $(@D)/bin/zig
	@touch $@

test: plugins toolchains ## run the tests
	$(GO) test ./...
	$(GO) test -tags extism ./sdk/go ./builtin-plugins

check: generate fmt vet lint test race ## all that CI checks: drift, formatting, vet, dead code, tests, tests with the race detector

vet: plugins ## look for mistakes that compile, and for what does not compile on Windows
	$(GO) vet ./...
	GOOS=windows $(GO) build ./cmd/...

# Dead is what no command reaches; what only tests use lives in folders that end in test.
lint: plugins ## staticcheck, and code that nobody calls
	$(GO) tool staticcheck ./...
	@dead="$$($(GO) tool deadcode -filter 'carapace/(kernel|cmd)' ./cmd/... | grep -Ev '^kernel/kerneltest/|^[^:]*test/[^/]*:')"; \
	test -z "$$dead" || (echo "$$dead" && exit 1)

house: ## print the picture of the code: sizes, longest functions, largest types, who imports whom
	@$(GO) run ./cmd/house

# The race detector makes compilers ten times slower: the specification's suite, the README's builds, the author's loop and
# what compiles Python's interpreter or many real plugins, or does the same hundreds of times, run without it, in `test`.
race: plugins toolchains ## run the tests with the race detector
	$(GO) test -race -timeout 20m -skip 'Spec|Conformance|ReadmePlugin|AuthorsLoop|Python|Program|Isolation|RealPlugin|RemovedMeanwhile|ReplacesNothing|WholeOrNothing|MayFail' ./kernel/... ./wit/... ./sdk/go/... ./cmd/carapace/...

fuzz: ## fuzz each decoder of foreign bytes for 30 seconds
	.ci/fuzz 30s

PKG ?= ./kernel/auth
N   ?= 0
mutate: ## change PKG in N small places (0: all), one at a time, and list the changes that no test notices
	$(GO) run ./cmd/mutate -n $(N) $(PKG) $(if $(TESTS),-- $(TESTS))

generate: ## write what is generated from wit/ and from the method table, and fail if that changed anything
	$(GO) run ./sdk/gen
	$(GO) run ./cmd/protocol
	@git diff --exit-code -- wit sdk kernel/host docs || (echo "generated files were out of date: commit the change" && exit 1)

fmt: ## fail if a file is not formatted
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || (gofmt -l $$(git ls-files '*.go'); exit 1)

interop: build .ci/interop4/page/package ## drive the gateway with foreign clients from npm, of protocol 3 and 4, and with the web page of 4 where Chromium is installed
	npm ci --prefix .ci/interop --ignore-scripts --no-audit --no-fund
	npm ci --prefix .ci/interop4 --ignore-scripts --no-audit --no-fund
	$(GO) test -count=1 -v ./.ci/interop ./.ci/interop4

# The page comes with a whole gateway, of which nothing else is wanted, nor what that depends on.
PAGE := openclaw-2026.9.6.tgz
.ci/interop4/page/package: .ci/interop4/page.sha256
	rm -rf $@ && mkdir -p $(@D)
	cd $(@D) && npm pack --silent $(subst -2026,@2026,$(basename $(PAGE)))
	cd $(@D) && sha256sum -c --quiet ../page.sha256
	tar -xzf $(@D)/$(PAGE) -C $(@D) package/dist/control-ui
	rm $(@D)/$(PAGE) && touch $@

js: ## type-check and test the JavaScript SDK and the examples in TypeScript, with node and what npm installs
	npm ci --prefix sdk/js --ignore-scripts --no-audit --no-fund
	npm run --prefix sdk/js check
	npm test --prefix sdk/js

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

openai: ## drive the gateway with OpenAI's own client libraries, for Node and Go
	npm ci --prefix .ci/openai --ignore-scripts --no-audit --no-fund
	$(GO) test -C .ci/openai -count=1 -vet=off -mod=mod -v .

proxies: ## run the settings of docs/proxy.md with nginx and Caddy, which have to be installed
	$(GO) test -count=1 -v ./.ci/proxy

demo: build ## 500 messages through Telegram while the gateway is killed ten times
	$(GO) run ./cmd/demo -gateway bin/carapace

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
	rm -rf bin $(DIST)/bundle.wasm $(DIST)/seed
