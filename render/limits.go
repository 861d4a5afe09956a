package render

import "fmt"

// Caps on what a template set may cost. They hold for author and task alike: a template that exceeds one ends in an error,
// never in a process without memory. Steps are counted, not seconds, so that rendering stays deterministic.
const (
	maxTemplateBytes = 256 << 10          // one file of a layer
	maxFiles         = 256                // of one layer
	maxOutputBytes   = 3 << 20            // one rendered file; the API server refuses bodies above 3 MiB
	maxMaskedBytes   = 4 * maxOutputBytes // of the same in disguise, in which a character takes up to four bytes
	maxSteps         = 1 << 16            // pieces of text written, loop turns included
	maxBoundSteps    = 1 << 14            // the same before a bound rendering is given up for a plain one
	maxListItems     = 10_000             // made by until and untilStep
	maxIncludeDepth  = 100
)

// costError says that a template has exceeded a cap.
type costError string

func (e costError) Error() string { return string(e) }

func tooLong(length int) error {
	return costError(fmt.Sprintf("a result of %d bytes is more than the %d that are allowed", length, maxOutputBytes))
}
