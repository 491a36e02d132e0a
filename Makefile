# The commands of CONTRIBUTING.md. `.ci/run` is what must pass before a change is merged.
.PHONY: test lint generate sandbox

test:
	go test ./...

lint:
	test -z "$$(git ls-files '*.go' | xargs gofmt -l | tee /dev/stderr)"
	go vet ./...
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...
	git ls-files '*.md' '*.go' | grep -v /testdata/ | xargs go run github.com/vale-cli/vale/v3/cmd/vale@v3.22.0

generate:
	go test ./config -run Generated -update
	go test ./checks -update
	go test ./cfn -update
	go test ./conformance -update
	go test ./starter/cli -run Scripts -update

sandbox:
	go run ./sandbox
