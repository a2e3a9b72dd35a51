package chart

// Clients say how Traefik learns clients' addresses.
type Clients struct {
	// TrafficPolicy is the Service's externalTrafficPolicy; "" leaves it to the cluster.
	TrafficPolicy string
	// TrustedProxies are the IP ranges of proxies whose X-Forwarded- headers are believed.
	TrustedProxies []string
	// ProxyProtocol says that the proxies begin each connection with the client's address.
	ProxyProtocol bool
}

// values are the chart's values for the entry points of clients.
func (c Clients) values() map[string]any {
	values := map[string]any{}
	if c.TrafficPolicy != "" {
		values["service"] = map[string]any{"spec": map[string]any{"externalTrafficPolicy": c.TrafficPolicy}}
	}
	if len(c.TrustedProxies) == 0 {
		return values
	}
	trusted := make([]any, len(c.TrustedProxies))
	for i, proxies := range c.TrustedProxies {
		trusted[i] = proxies
	}
	port := map[string]any{"forwardedHeaders": map[string]any{"trustedIPs": trusted}}
	if c.ProxyProtocol {
		port["proxyProtocol"] = map[string]any{"trustedIPs": trusted}
	}
	values["ports"] = map[string]any{"web": port, "websecure": port}
	return values
}
