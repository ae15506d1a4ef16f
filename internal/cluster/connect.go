package cluster

import (
	"fmt"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// timeout bounds one request.
const timeout = 30 * time.Second

// Options say which cluster to ask.
type Options struct {
	// Kubeconfig is a file; empty means $KUBECONFIG, then ~/.kube/config, then the
	// service account of the pod that this runs in.
	Kubeconfig string
	// Context is one of the file's contexts; empty means its current one.
	Context   string
	UserAgent string
}

// Client asks one cluster.
type Client struct {
	discovery discovery.DiscoveryInterface
	dynamic   dynamic.Interface
	core      core.CoreV1Interface
	host      string
}

// Connect prepares a client. Nothing is sent yet.
func Connect(o Options) (*Client, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.Kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: o.Context}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	if err != nil {
		return nil, text.WithHint(fmt.Errorf("read kubeconfig: %w", err),
			"name a file with --kubeconfig, or run it in the cluster under a service account (examples/kubernetes/doctor.yaml)")
	}
	config.UserAgent = o.UserAgent
	return newClient(config)
}

func newClient(config *rest.Config) (*Client, error) {
	config.Timeout = timeout
	config.QPS, config.Burst = 20, 40
	config.WarningHandler = rest.NoWarnings{} // they would go to standard error
	c := &Client{host: config.Host}
	client, err := rest.HTTPClientFor(config)
	if err == nil {
		c.discovery, err = discovery.NewDiscoveryClientForConfigAndClient(config, client)
	}
	if err == nil {
		c.dynamic, err = dynamic.NewForConfigAndClient(config, client)
	}
	if err == nil {
		c.core, err = core.NewForConfigAndClient(config, client)
	}
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	return c, nil
}
