//go:build linux

package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// prober sends probes and hooks: straight to the Pod, over a connection of their own, trusting any certificate, as the
// kubelet does.
var prober = &http.Client{Transport: &http.Transport{
	Proxy:             nil,
	DisableKeepAlives: true,
	TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
}}

// get asks a container what an httpGet probe or hook says; an answer from 200 to 399 is a success.
func get(ctx context.Context, ip netip.Addr, container *corev1.Container, action *corev1.HTTPGetAction) error {
	port, err := portNumber(container, action.Port)
	if err != nil {
		return err
	}
	host := action.Host
	if host == "" {
		host = ip.String()
	}
	scheme := strings.ToLower(string(action.Scheme))
	if scheme == "" {
		scheme = "http"
	}
	url := fmt.Sprintf("%s://%s/%s", scheme, net.JoinHostPort(host, strconv.Itoa(port)), strings.TrimPrefix(action.Path, "/"))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "kube-probe/localplane")
	for _, header := range action.HTTPHeaders {
		if strings.EqualFold(header.Name, "Host") {
			request.Host = header.Value
			continue
		}
		request.Header.Add(header.Name, header.Value)
	}
	answer, err := prober.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode >= 400 {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
		return fmt.Errorf("GET %s answered %s: %s", url, answer.Status, text)
	}
	return nil
}

// dial opens a TCP connection to a container and closes it.
func dial(ctx context.Context, ip netip.Addr, container *corev1.Container, action *corev1.TCPSocketAction) error {
	port, err := portNumber(container, action.Port)
	if err != nil {
		return err
	}
	host := action.Host
	if host == "" {
		host = ip.String()
	}
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return connection.Close()
}

// portNumber finds a port that may be given by the name that one of the container's ports has.
func portNumber(container *corev1.Container, port intstr.IntOrString) (int, error) {
	if port.Type == intstr.Int {
		return port.IntValue(), nil
	}
	for _, p := range container.Ports {
		if p.Name == port.StrVal {
			return int(p.ContainerPort), nil
		}
	}
	return 0, fmt.Errorf("container %s has no port named %q", container.Name, port.StrVal)
}
