//go:build !linux

// Package mounts finds and undoes what was mounted below a folder.
package mounts

// Below returns nothing: only a Linux node mounts anything.
func Below(string) ([]string, error) { return nil, nil }

// Undo does nothing: only a Linux node mounts anything.
func Undo(string) error { return nil }
