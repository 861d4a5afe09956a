package render

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v2"
)

// yamlError says at which line a text is not YAML.
type yamlError struct {
	line   int // from 1; 0 if unknown
	reason string
}

func (e *yamlError) Error() string {
	if e.line == 0 {
		return e.reason
	}
	return "line " + strconv.Itoa(e.line) + ": " + e.reason
}

var (
	yamlMessage   = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?((?s).*)$`)
	syntaxMessage = regexp.MustCompile(`^(found|did not find|could not find|mapping values|block )`)
	parserMessage = regexp.MustCompile(`^did not find expected (key|'-' indicator|',' or|node content|<)`)
	anchorMessage = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// newYAMLError takes an error of yaml.v2 apart, which may be several in one.
func newYAMLError(text string, err error) error {
	var several *yaml.TypeError
	if !errors.As(err, &several) {
		return lineError(text, err.Error())
	}
	var problems []error
	for _, message := range several.Errors {
		problems = append(problems, lineError(text, message))
	}
	return errors.Join(problems...)
}

// lineError finds the line that a message of yaml.v2 means. As that counts from 0 (decode.go, parser.fail) it leaves out the first line
// and is one short for some others, and for a key without a colon or a quote without an end it names the line where it gave up.
func lineError(text, message string) *yamlError {
	found := yamlMessage.FindStringSubmatch(message)
	e := &yamlError{reason: found[2]}
	e.line, _ = strconv.Atoi(found[1])
	anchor := anchorMessage.FindStringSubmatch(e.reason)
	switch {
	case anchor != nil:
		if before, _, ok := strings.Cut(text, "*"+anchor[1]); ok {
			e.line = 1 + strings.Count(before, "\n")
		}
	case syntaxMessage.MatchString(e.reason):
		e.correct(strings.Split(text, "\n"))
	}
	return e
}

// correct brings a syntax error to the line of the mistake. It may begin on an earlier one: then a quote that nobody closed has
// swallowed what stands between.
func (e *yamlError) correct(lines []string) {
	switch {
	case e.reason == unfinished:
		e.line = len(lines) + 1
	case parserMessage.MatchString(e.reason):
		e.line++
	case e.reason == "could not find expected ':'":
		for e.line--; e.line > 1 && strings.TrimSpace(lines[min(e.line, len(lines))-1]) == ""; {
			e.line--
		}
	case e.line == 0:
		e.line = 1
	}
	before := lines[:min(e.line-1, len(lines))]
	if start := unfinishedLine(before); start != 0 {
		if e.reason != unfinished {
			e.reason += "; the quotes that begin here end only on line " + strconv.Itoa(e.line)
		}
		e.line = start
	}
}

const (
	unfinished     = "found unexpected end of stream"
	maxLinesSought = 1000
)

// unfinishedLine is the line on which quotes begin that the lines do not close; 0 if there are none. Up to the line before, the text can be
// read. A long text is not searched, as that takes the square of its length.
func unfinishedLine(lines []string) int {
	start := 0
	for last := len(lines); last > 0 && last <= maxLinesSought; last-- {
		var value any
		err := yaml.Unmarshal([]byte(strings.Join(lines[:last], "\n")), &value)
		if err == nil || !strings.HasSuffix(err.Error(), unfinished) {
			return start
		}
		start = last
	}
	return start
}

// withDocument says in which document the path of an error stands.
func withDocument(number int, err error) error {
	var at *pathError
	if errors.As(err, &at) {
		at.document = number
	}
	return err
}

// errorLine returns the line of the text that an error of decodeDocuments is about; 0 if it does not say.
func errorLine(text string, err error) int {
	var at *pathError
	if errors.As(err, &at) {
		return yamlLine(text, at.document, at.path)
	}
	var syntax *yamlError
	if errors.As(err, &syntax) {
		return min(syntax.line, 1+strings.Count(text, "\n"))
	}
	return 0
}

// reasonOf leaves out the line of rendered text, which nobody sees.
func reasonOf(err error) string {
	var syntax *yamlError
	if errors.As(err, &syntax) {
		return syntax.reason
	}
	return err.Error()
}
