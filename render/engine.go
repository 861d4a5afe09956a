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
	turns     turns
	maxSteps  int
	maxBytes  int      // of output
	binding   *binding // of a bound rendering, else nil
}

func newEngine(trees map[string]*parse.Tree, steps steps, functions template.FuncMap, maxBytes int) *engine {
	e := &engine{maxBytes: maxBytes, maxSteps: maxSteps, turns: turns{steps: steps}}
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
func newBinder(trees map[string]*parse.Tree, steps steps) *engine {
	b := newBinding()
	e := newEngine(trees, steps, b.functions(), maxMaskedBytes)
	e.binding, e.maxSteps = b, maxBoundSteps
	return e
}

// execute renders one template.
func (e *engine) execute(name string, data *Data) (text string, err error) {
	e.depth, e.steps = 0, e.maxSteps
	e.turns.reset()
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
	if err := e.spend(); err != nil {
		return "", err
	}
	if e.depth++; e.depth > maxIncludeDepth {
		return "", fmt.Errorf("including %q: more than %d includes inside each other", name, maxIncludeDepth)
	}
	defer func() { e.depth-- }()
	return e.run(name, data)
}

var errTooManySteps = costError(fmt.Sprintf("the template does not come to an end: more than %d pieces of text or turns of a loop", maxSteps))

// spend takes one step off those that are left.
func (e *engine) spend() error {
	if e.steps--; e.steps < 0 {
		return e.turns.locate(errTooManySteps)
	}
	return nil
}

// output collects a template's text and counts its pieces.
type output struct {
	engine *engine
	text   bytes.Buffer
}

func (o *output) Write(piece []byte) (int, error) {
	e := o.engine
	if len(piece) == 0 && !e.turns.note(piece) && e.binding != nil && e.binding.empties {
		return 0, errUnbound
	}
	if err := e.spend(); err != nil {
		return 0, err
	}
	if o.text.Len()+len(piece) > e.maxBytes {
		return 0, e.turns.locate(tooLong(o.text.Len() + len(piece)))
	}
	return o.text.Write(piece)
}
