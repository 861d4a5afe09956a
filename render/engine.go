package render

import (
	"bytes"
	"fmt"
	"maps"
	"text/template"
	"text/template/parse"
)

// engine executes the parsed templates. One engine is used by one rendering at a time; a Set keeps a pool of them, and
// makes a new one from the shared trees without parsing anything.
type engine struct {
	templates *template.Template
	depth     int // of include
	steps     int // left for this rendering
	maxSteps  int
	maxBytes  int      // of output
	binding   *binding // of a bound rendering, else nil
}

func newEngine(trees map[string]*parse.Tree, functions template.FuncMap, maxBytes int) *engine {
	e := &engine{maxBytes: maxBytes, maxSteps: maxSteps}
	own := maps.Clone(functions)
	own["include"] = e.include
	e.templates = template.New("").Option("missingkey=error").Funcs(own)
	for name, tree := range trees {
		if _, err := e.templates.AddParseTree(name, tree); err != nil {
			panic(fmt.Sprintf("adding the parsed template %q: %v", name, err)) // Parse has checked all that AddParseTree does
		}
	}
	return e
}

// newBinder makes an engine for bound renderings.
func newBinder(trees map[string]*parse.Tree) *engine {
	b := newBinding()
	e := newEngine(trees, b.functions(), maxMaskedBytes)
	e.binding, e.maxSteps = b, maxBoundSteps
	return e
}

// execute renders one template.
func (e *engine) execute(name string, data *Data) (text string, err error) {
	e.depth, e.steps = 0, e.maxSteps
	return e.run(name, data)
}

func (e *engine) run(name string, data any) (string, error) {
	out := output{engine: e}
	if err := e.templates.ExecuteTemplate(&out, name, data); err != nil {
		return "", err
	}
	return out.text.String(), nil
}

func (e *engine) include(name string, data any) (string, error) {
	if e.depth++; e.depth > maxIncludeDepth {
		return "", fmt.Errorf("including %q: more than %d includes inside each other", name, maxIncludeDepth)
	}
	defer func() { e.depth-- }()
	return e.run(name, data)
}

// output collects a template's text and counts its pieces.
type output struct {
	engine *engine
	text   bytes.Buffer
}

var errTooManySteps = fmt.Errorf("the template does not come to an end: more than %d pieces of text or turns of a loop", maxSteps)

func (o *output) Write(piece []byte) (int, error) {
	if o.engine.steps--; o.engine.steps < 0 {
		return 0, errTooManySteps
	}
	if o.text.Len()+len(piece) > o.engine.maxBytes {
		return 0, tooLong(o.text.Len() + len(piece))
	}
	return o.text.Write(piece)
}
