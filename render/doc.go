// Package render turns an orchestra.Task into Kubernetes objects with the templates of one or more layers.
//
// It is pure: no client, clock, environment, network or randomness. The same input gives the same bytes.
package render
