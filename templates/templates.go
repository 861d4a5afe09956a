// Package templates holds the manifests that the driver starts from: the folder default, and under builtin one folder for
// each overlay that a configuration names as "builtin:NAME". It has no logic; package render gives the files their meaning.
package templates

import "embed"

// FS has the folders default and builtin/NAME.
//
//go:embed all:default builtin
var FS embed.FS
