package main

import (
	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/cluster"
)

// kube says how to reach the cluster.
type kube struct {
	Kubeconfig string `placeholder:"FILE" help:"How to reach the cluster (default: $KUBECONFIG, ~/.kube/config, or the pod's account)."`
	Context    string `placeholder:"NAME" help:"A context of that file (default: its current one)."`
}

// connect makes a client, without a word to the cluster.
func (k kube) connect(a *console.Console) (*cluster.Client, error) {
	client, err := cluster.Connect(cluster.Options{Kubeconfig: k.Kubeconfig, Context: k.Context, UserAgent: a.UserAgent()})
	if err != nil {
		return nil, console.Fail(console.StatusUsage, err, "")
	}
	return client, nil
}
