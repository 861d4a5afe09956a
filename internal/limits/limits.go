// Package limits reads CPU and memory limits as Kubernetes' users write them.
package limits

import (
	"fmt"
	"math"

	"k8s.io/apimachinery/pkg/api/resource"
)

// CPUShares reads a number of CPUs, such as "2", "0.5" or "500m", as Docker's shares, of which 1024 are one CPU. It rounds up, so that the
// driver's conversion back to thousandths of a CPU, which rounds down, gives what was written.
func CPUShares(text string) (int64, error) {
	quantity, err := resource.ParseQuantity(text)
	if err != nil || quantity.Sign() <= 0 || quantity.Cmp(mostCPUs) > 0 {
		return 0, fmt.Errorf("%q is no number of CPUs, such as 2, 0.5 or 500m", text)
	}
	return (quantity.MilliValue()*1024 + 999) / 1000, nil
}

// Memory reads a number of bytes, such as "512Mi", "2G" or "1073741824".
func Memory(text string) (int64, error) {
	quantity, err := resource.ParseQuantity(text)
	if err != nil || quantity.Sign() <= 0 || quantity.CmpInt64(math.MaxInt64) >= 0 {
		return 0, fmt.Errorf("%q is no amount of memory, such as 512Mi or 2Gi", text)
	}
	return quantity.Value(), nil
}

// mostCPUs keeps the arithmetic far away from an overflow.
var mostCPUs = resource.MustParse("1000000")
