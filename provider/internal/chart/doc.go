// Package chart decides which values Traefik's Helm chart is installed with.
//
// [Values] turns a gateway's settings into values, [Merge] lays the user's over them, and [Check] and [CheckVersion]
// find the user's values that would stop the gateway from serving its routes.
package chart
