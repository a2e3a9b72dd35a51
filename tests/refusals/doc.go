// Package refusals holds the components' answers to inputs, right and wrong, as the real Pulumi engine gives them in a
// preview, for which no cluster is needed: what is refused, where and with which sentence; what is not, because it is
// only unknown; and that no secret shows. It also holds the schema, which is the package's public interface, to the last
// release's.
package refusals
