// Package cluster reads from a Kubernetes API server what package diagnosis
// judges: Flux's objects, the Secret that they name, events, and the
// controllers' logs. It asks for as little as it can, needs only the rights in
// examples/kubernetes/doctor.yaml, and writes nothing.
//
// What it may not or cannot read it tells as such. The value of a Secret leaves
// it only as a secret.Secret. It refuses to know what any of it means.
package cluster
