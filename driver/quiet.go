package driver

import (
	"context"

	"k8s.io/klog/v2"
)

// quiet keeps client-go from logging to the process's stderr what it also returns as an error: an answer that breaks off, which is what the
// end of a context looks like to it.
func quiet(ctx context.Context) context.Context { return klog.NewContext(ctx, klog.Logger{}) }
