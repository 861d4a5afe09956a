package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/orchestra-ci/orchestra-k8s/orchestra"
)

// resources converts a task's limits, sets requests to their share of them, and fills in the platform's defaults for
// every resource that the task does not limit.
func (s *Set) resources(limits orchestra.ContainerLimits) ResourceData {
	r := ResourceData{Limits: maps.Clone(s.defaults.Limits), Requests: maps.Clone(s.defaults.Requests)}
	if limits.CPU > 0 {
		millicores := Millicores(limits.CPU)
		r.Limits["cpu"] = fmt.Sprintf("%dm", millicores)
		r.Requests["cpu"] = fmt.Sprintf("%dm", share(millicores, s.requestsPercent))
	}
	if limits.Memory > 0 {
		r.Limits["memory"] = strconv.FormatInt(limits.Memory, 10)
		r.Requests["memory"] = strconv.FormatInt(share(limits.Memory, s.requestsPercent), 10)
	}
	return r
}

// Millicores converts Docker's CPU shares, of which 1024 are one core. It rounds down, but a positive share is never 0,
// which would mean no limit.
func Millicores(shares int64) int64 { return max(1, shares/1024*1000+shares%1024*1000/1024) }

// share is percent of amount, at least 1, without overflow.
func share(amount, percent int64) int64 {
	return max(1, amount/100*percent+amount%100*percent/100)
}

// defaultResources reads the value `resources`.
func defaultResources(values map[string]any) (ResourceData, error) {
	defaults, _ := values["resources"].(map[string]any)
	limits, limitsErr := quantities("limits", defaults)
	requests, requestsErr := quantities("requests", defaults)
	return ResourceData{Limits: limits, Requests: requests}, errors.Join(limitsErr, requestsErr)
}

// quantities reads one part of the value `resources`.
func quantities(part string, defaults map[string]any) (map[string]string, error) {
	given, _ := defaults[part].(map[string]any)
	read := map[string]string{}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(given)) {
		read[name] = fmt.Sprint(given[name])
		if _, err := resource.ParseQuantity(read[name]); err != nil {
			problems = append(problems, under("resources", under(part, under(name, fmt.Errorf("%q is no quantity, such as 500m or 2Gi: %w", read[name], err)))))
		}
	}
	return read, errors.Join(problems...)
}
