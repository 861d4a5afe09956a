package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// output is the flag -o.
type output struct {
	format  string
	formats []string
}

// The formats of -o; "" is a table, or a text.
const (
	asTable = ""
	asWide  = "wide"
	asName  = "name"
	asJSON  = "json"
	asYAML  = "yaml"
)

func (o *output) add(command *cobra.Command, formats ...string) {
	o.formats = formats
	command.Flags().VarP(o, "output", "o", "output format: "+strings.Join(formats, ", "))
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// String, Set and Type make output a pflag.Value, so that an unknown format is a mistake of the command line.
func (o *output) String() string { return o.format }

// Set accepts only formats that the command has.
func (o *output) Set(format string) error {
	if !slices.Contains(o.formats, format) {
		return fmt.Errorf("want one of %s", strings.Join(o.formats, ", "))
	}
	o.format = format
	return nil
}

// Type is how the help calls the value.
func (o *output) Type() string { return "format" }

// encode writes a result as JSON or YAML. handled is false for the other formats.
func (o *output) encode(c *cli, result any) (handled bool, err error) {
	var text []byte
	switch o.format {
	case asJSON:
		text, err = json.MarshalIndent(result, "", "  ")
		text = append(text, '\n')
	case asYAML:
		text, err = yaml.Marshal(result)
	default:
		return false, nil
	}
	if err != nil {
		return true, fmt.Errorf("encoding the result: %w", err)
	}
	return true, c.print(string(text))
}
