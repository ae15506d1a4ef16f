module github.com/goldfish-inc/fluxkeeper

go 1.26.0

require (
	go.yaml.in/yaml/v3 v3.0.6
	golang.org/x/tools v0.52.0
)

require github.com/Masterminds/semver/v3 v3.5.0 // indirect
