// Package chart decides with which values Traefik's Helm chart is installed.
//
// [Values] turns a gateway's settings into values, [Merge] lays the user's over them, and [Check] and [CheckVersion]
// find what in the user's would stop the gateway from serving its routes.
package chart
