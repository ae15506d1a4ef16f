// Package e2e tests the image of the Action the way its users meet it: built by
// a Docker engine, run as GitHub's runner runs it and by act, against a fake
// GitHub. "make e2e" makes an engine ready and runs it; it holds only tests.
package e2e
