package cluster

import (
	"fmt"
	"net/http"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
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
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: o.Context}).ClientConfig()
	if err != nil {
		return nil, connectError{err}
	}
	config.UserAgent = o.UserAgent
	return newClient(config)
}

type connectError struct{ error }

func (e connectError) Error() string { return "read kubeconfig: " + e.error.Error() }
func (e connectError) Unwrap() error { return e.error }

// Hint says how to name a cluster.
func (connectError) Hint() string {
	return "name a file with --kubeconfig, or run it in the cluster under a service account (examples/kubernetes/doctor.yaml)"
}

func newClient(config *rest.Config) (*Client, error) {
	config.Timeout = timeout
	config.QPS, config.Burst = 20, 40
	config.WarningHandler = rest.NoWarnings{} // they would go to standard error
	hub, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	c := &Client{host: config.Host}
	return c, c.build(config, hub)
}

func (c *Client) build(config *rest.Config, hub *http.Client) error {
	var err error
	if c.discovery, err = discovery.NewDiscoveryClientForConfigAndClient(config, hub); err != nil {
		return fmt.Errorf("make discovery client: %w", err)
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(config, hub); err != nil {
		return fmt.Errorf("make dynamic client: %w", err)
	}
	if c.core, err = core.NewForConfigAndClient(config, hub); err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	return nil
}
