//go:build tools

// Package flux names the API modules that the resource definitions are written
// from, so that go.mod keeps them.
package flux

import (
	_ "github.com/fluxcd/image-automation-controller/api/v1"
	_ "github.com/fluxcd/image-reflector-controller/api/v1"
	_ "github.com/fluxcd/source-controller/api/v1"
)
