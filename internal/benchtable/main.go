// Command benchtable hands on what `go test -bench` prints, as it comes, and then shows all of it as one table.
//
// A metric whose unit is "A-x-B" is a ratio: A is so many times that of B in the same run.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"text/tabwriter"
)

func main() {
	if err := tabulate(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "reading the benchmarks:", err)
		os.Exit(1)
	}
}

// row is one metric of one benchmark.
type row struct{ benchmark, value, unit string }

// tabulate copies in to out, and writes the table behind it.
func tabulate(in io.Reader, out io.Writer) error {
	var rows []row
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fmt.Fprintln(out, lines.Text())
		rows = append(rows, parse(lines.Text())...)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nBENCHMARK\tMEASURED\tSEEN\tBESIDE, IN THE SAME RUN")
	for _, r := range rows {
		fmt.Fprintln(table, r)
	}
	return table.Flush()
}

// String is a line of the table.
func (r row) String() string {
	if what, baseline, ratio := strings.Cut(r.unit, "-x-"); ratio {
		return fmt.Sprintf("%s\t%s\t%s times\t%s", r.benchmark, what, r.value, baseline)
	}
	return fmt.Sprintf("%s\t%s\t%s", r.benchmark, r.unit, r.value)
}

// result is a line such as "BenchmarkWait-2   1   9807 ns/op   4.3 ms-to-Wait-p99".
var result = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(\S.*)$`)

// parse returns the metrics of a line; the time of a whole run, which says nothing, is left out.
func parse(line string) []row {
	found := result.FindStringSubmatch(line)
	if found == nil {
		return nil
	}
	var rows []row
	fields := strings.Fields(found[2])
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i+1] != "ns/op" {
			rows = append(rows, row{found[1], fields[i], fields[i+1]})
		}
	}
	return rows
}
