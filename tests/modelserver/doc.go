// Package modelserver runs small OpenAI-compatible servers inside the calling process. They replace model servers
// and SaaS providers in tests and in the demo. Its command is the same server for Pods.
//
// A server answers below a base path of its own:
//
//	POST <base>/chat/completions   whole, or as server-sent events with "stream": true
//	GET  <base>/models             the one model it serves
//	GET  <base>/models/{model}
//	GET  /health                   at the root, whatever the base path is, and without a key
//
// Every answer, errors included, says in its headers what the server was sent, so that a client behind a gateway sees
// how its request arrived:
//
//	X-Modelserver-Name    the server's name
//	X-Modelserver-Path    path and query exactly as they arrived, escapes untouched
//	X-Modelserver-Host    the Host header or :authority
//	X-Modelserver-Proto   HTTP/1.1 or HTTP/2.0
//	X-Modelserver-SNI     the server name of the TLS handshake; empty without TLS
//	X-Modelserver-Ranks   the processes that serve together, where there are several
//
// [Server.Requests] keeps the same and all request headers. Errors come on demand: for one request with the header
// X-Modelserver-Status, for all with [Server.SetFailure].
package modelserver
