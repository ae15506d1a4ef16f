# Every target is a short line over a plain go command, which works as well.
.DEFAULT_GOAL := help
.PHONY: help demo test race e2e check golden fuzz attack bench real crash release

# A test that fails in front of a grep still fails.
SHELL := bash
.SHELLFLAGS := -o pipefail -c

TOOL := go tool -modfile=tools/go.mod
FUZZTIME ?= 30s

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: bin/fluxkeeper ## check a recorded Flux update, and one that was tampered with
	@examples/demo/run bin/fluxkeeper

test: ## run every test, and look for secrets in all that the tests print
	go test -json ./... | go run ./internal/test/leaktest/sift
	go -C tools/release test ./...

# What only computes, what kills the receiver again and again, and what counts memory, which the detector adds to, gains nothing by it.
# These only compute, on one core, or ask the same of one answer after another.
COMPUTES = 'Mutants|Corpus|Oracle|Flood|LongLines|RandomMerges|ResidentPeak|OlderCheckpoint|EveryFlip|TestModel|Insider|Tampering|HonestLedgers|HostileAnswers'

race: ## run the tests under the race detector, but for crash tests and long computations (needs gcc)
	CGO_ENABLED=1 go test -race -vet=off -timeout 25m -skip $(COMPUTES) $$(go list ./... | grep -v -e /crashtest -e 'fluxkeeper$$')

e2e: ## build the image and run it as GitHub's runner and act do (needs docker)
	FLUXKEEPER_E2E=1 go test ./e2e -count=1 -timeout 30m

check: ## formatting, vet, tidy modules, static analysis, dead code, a little fuzzing
	@test -z "$$(gofmt -l .)" || { gofmt -l . ; echo "gofmt -w . fixes these"; exit 1; }
	go vet ./...
	go -C tools/release vet ./...
	go mod tidy -diff
	$(TOOL) staticcheck ./...
	@dead=$$($(TOOL) deadcode -test ./...) && test -z "$$dead" || { echo "$$dead"; echo "nothing calls these: delete them"; exit 1; }
	$(TOOL) actionlint .github/workflows/*.yml examples/*.yml
	@$(MAKE) --no-print-directory fuzz FUZZTIME=1000x

golden: ## write the golden files anew; read the diff before committing it
	go test $$(grep -rl --include=*_test.go "flag.Bool(\"update\"" . | xargs -n1 dirname | sort -u) -update

# A time may end a target with "context deadline exceeded", a known fault of go test; a number of tries does not.
fuzz: ## fuzz each target for FUZZTIME (30s; 1000x is a number of tries)
	@go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | while read -r package; do \
	  for target in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz'); do \
	    echo "fuzz $$package $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" || exit 1; \
	  done || exit 1; \
	done

attack: ## score the gate and two naive ones against every known trick and 30,000 mutants, and the Action against GitHub's events
	go test ./internal/gate -run 'TestAttacks|TestHonest|TestMutants|TestRandomMerges' -count=1 -v -all -timeout 30m | grep -Ev '^=== |^ *--- PASS'
	go test ./cmd/action -run 'TestModel' -count=1 -v -all -timeout 60m | grep -Ev '^=== |^ *--- PASS'
	go test ./cmd/action -run 'TestCorpusOnGitHub' -count=1 -all -timeout 60m

crash: ## kill the receiver, cut its power, take its disk and its database away, all rounds (needs Linux, best as root)
	go test ./internal/test/crashtest -count=1 -v -timeout 60m -full | grep --line-buffered -v '^=== '
	go test ./internal/record/store -run 'EveryFlip|Restarts' -count=1 -v -full | grep --line-buffered -v '^=== '

# FLUX is a checkout of fluxcd/image-automation-controller, whose own setters are then measured on the same files.
bench: ## time check beside git diff (and FLUX=DIR), the Action beside its bare requests, the receiver beside a bare handler (needs wrk)
	go test ./cmd/receiver -run '^$$' -bench Throughput -benchtime 5x -v | grep -v '"msg"'
	go test ./cmd/action -run '^$$' -bench . -v -timeout 60m $(if $(FLUX),-flux $(abspath $(FLUX))) | grep -v '^=== '
	go test $$(go list ./... | grep -v /cmd/) -run '^$$' -bench . -benchmem -v | grep -Ev 'no test files|^=== '

REPOS ?=
real: ## judge Flux's commits of clones of real repositories, REPOS=DIR,DIR: what passes, and what is refused by which rule
	go test ./cmd/action -run 'TestReal$$' -v -timeout 120m -real '$(REPOS)'

release: ## make all that a release holds, VERSION=v1.2.3, into dist
	go -C tools/release run . make -version $(VERSION) -source $(CURDIR) -o $(CURDIR)/dist

.PHONY: bin/fluxkeeper bin/fluxkeeper-receiver
bin/fluxkeeper:
	@go build -o $@ ./cmd/action

bin/fluxkeeper-receiver:
	@go build -o $@ ./cmd/receiver
