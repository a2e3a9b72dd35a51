package cluster

import (
	"errors"

	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

// gatewayURL is the URL of a Gateway, without a path: the address that its status has, and the port of its listener.
func gatewayURL(spec, status map[string]any) (string, error) {
	host, err := address(status)
	if err != nil {
		return "", err
	}
	listeners, _ := spec["listeners"].([]any)
	for _, entry := range listeners {
		listener, _ := entry.(map[string]any)
		scheme, _ := listener["name"].(string)
		if port, ok := listener["port"].(float64); ok && (scheme == target.HTTP || scheme == target.HTTPS) {
			return target.ListenerURL(scheme, host, int(port)), nil
		}
	}
	return "", errors.New("the cluster's Gateway has no listener called http or https")
}

// address is where a Gateway's status says that it is.
func address(status map[string]any) (string, error) {
	addresses, _ := status["addresses"].([]any)
	for _, entry := range addresses {
		address, _ := entry.(map[string]any)
		if text, _ := address["value"].(string); text != "" {
			return text, nil
		}
	}
	return "", errors.New("the cluster's Gateway has no address: its Service needs a load balancer that gives one")
}
