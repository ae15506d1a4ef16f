// Package intake takes in GitHub's webhook deliveries over HTTP: it bounds what
// a stranger can cost, checks the signature (HMAC-SHA256 over the raw body) and
// hands what is signed to the ledger. It answers 202 only once the ledger says
// that the delivery is durable.
//
// It refuses to know what a delivery says (no JSON is parsed), how the ledger
// keeps it, and where secrets and addresses come from.
package intake
