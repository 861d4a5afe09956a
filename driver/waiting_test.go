package driver

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSchedulingReason(t *testing.T) {
	for message, want := range map[string]string{
		"0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.": ReasonInsufficientResources,
		"0/1 nodes are available: 1 Too many pods.":                                                                         ReasonInsufficientResources,
		"0/2 nodes are available: 1 Insufficient memory, 1 node(s) didn't match Pod's node affinity/selector.":              ReasonInsufficientResources,
		"0/2 nodes are available: 2 node(s) had untolerated taint(s).":                                                      ReasonTaintNotTolerated,
		"0/1 nodes are available: 1 node(s) were unschedulable.":                                                            ReasonTaintNotTolerated,
		"0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints.":                                  ReasonAffinityMismatch,
		"0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s).": ReasonUnschedulable,
		"0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found":                              ReasonVolumeUnavailable,
		"0/1 nodes are available: 1 node(s) had no available volume zone.":                                                  ReasonVolumeUnavailable,
		"0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.":                            ReasonUnschedulable,
	} {
		assert.Equal(t, want, schedulingReason(message), message)
	}
}

func TestImageReason(t *testing.T) {
	for message, want := range map[string]string{
		"docker.io/library/nope:1: not found": ReasonImageNotFound,
		"manifest unknown: manifest unknown":  ReasonImageNotFound,
		"pull access denied, repository does not exist or may require authorization: authorization failed": ReasonImageForbidden,
		"unexpected status from HEAD request: 401 Unauthorized":                                            ReasonImageForbidden,
		"unexpected status from HEAD request: 403 Forbidden":                                               ReasonImageForbidden,
		"toomanyrequests: You have reached your pull rate limit":                                           ReasonRegistryUnavailable,
		"dial tcp: lookup registry.example: no such host":                                                  ReasonRegistryUnavailable,
		"unexpected status from HEAD request: 503 Service Unavailable":                                     ReasonRegistryUnavailable,
		"failed to extract layer: no space left on device":                                                 ReasonImagePull,
		"no match for platform in manifest":                                                                ReasonImagePull,
	} {
		assert.Equal(t, want, imageReason(message), message)
	}
}

func TestConfigurationReason(t *testing.T) {
	assert.Equal(t, ReasonConfigurationMissing, configurationReason(`secret "x" not found`))
	assert.Equal(t, ReasonConfigurationMissing, configurationReason("couldn't find key a in ConfigMap default/x"))
	assert.Equal(t, ReasonConfigurationInvalid, configurationReason("container has runAsNonRoot and image will run as root"))
}
