package render

import (
	"maps"
	"slices"
	"strings"
)

// Source says where a piece of the templates comes from.
type Source struct {
	Name  string // of a file, or of a define
	Kind  string // "workload", "claim", "namespace", "extra", "define", "values", "schema", or "ignored: why"
	Layer string
	File  string // of a define: the partial that it is in
}

// List says for every file of every layer, and for every define, where it comes from. Of a file that later layers
// override only the last is listed; values and schemas are merged, so each is.
func (s *Set) List() []Source {
	var list []Source
	for _, files := range s.layers {
		for _, f := range files {
			if kind := mergedKind(f.name); kind != "" {
				list = append(list, Source{Name: f.name, Kind: kind, Layer: f.layer})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.sources.origins)) {
		origin := s.sources.origins[name]
		source := Source{Name: name, Kind: "define", Layer: origin.layer, File: origin.name}
		if s.sources.has(name) {
			source.Kind, source.File = templateKind(name), ""
		}
		list = append(list, source)
	}
	slices.SortStableFunc(list, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// mergedKind is the kind of a file that is not replaced by a later layer's, or "".
func mergedKind(name string) string {
	switch name {
	case valuesFile:
		return "values"
	case schemaFile:
		return "schema"
	}
	if why := ignored(name); why != "" {
		return "ignored: " + why
	}
	return ""
}

func templateKind(name string) string {
	switch name {
	case podFile:
		return "workload"
	case claimFile:
		return "claim"
	case namespaceFile:
		return "namespace"
	}
	return "extra"
}
