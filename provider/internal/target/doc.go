// Package target turns what a user writes about where a model server is into
// values that cannot be wrong.
//
// A [URL] is one base URL, canonical and comparable. A [Target] is one
// endpoint: one or more addresses that share everything else. [ParsePath],
// [ParseHostname] and [ParseRouteHostname] do the same for the other strings
// that end in a route. Whatever these functions accept, the API server accepts
// in an EndpointSlice and an HTTPRoute, and Traefik serves as written.
//
// Errors are sentences without a subject ("has no scheme; …"): the caller puts
// the property's path before them. None quotes its input, which may hold a
// password.
package target
