// Package kubetest starts a real Kubernetes API server, with its store, for
// tests: with Flux's resource definitions, service accounts to ask as, and pods
// whose logs come over a kubelet's own protocol. Nothing is scheduled and
// nothing runs in it.
//
// The programs are built by .ci/kube. It refuses to know what is tested with it.
package kubetest
