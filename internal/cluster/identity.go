package cluster

import (
	"context"
	"fmt"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ID is what tells this cluster from others: the UID of its namespace kube-system,
// which lives as long as the cluster does. Kubernetes has no other name for one.
func (c *Client) ID(ctx context.Context) (string, error) {
	n, err := c.core.Namespaces().Get(ctx, "kube-system", meta.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("tell which cluster this is: read namespace kube-system: %s", why(err))
	}
	return string(n.UID), nil
}
