package render

import (
	"fmt"
	"sync"
	"text/template"
)

// document is one rendered object and where it came from.
type document struct {
	object map[string]any
	file   string // name of its template
	index  int    // among the documents of the file
	data   *Data
	set    *Set
}

// text is all that the file renders to. It is for people: a bound rendering has none, and makes it anew.
func (d document) text() string {
	text, err := d.set.execute(&d.set.plain, d.file, d.data)
	if err != nil {
		return ""
	}
	return text
}

// documents renders a file and returns what it holds, free of injection.
func (s *Set) documents(name string, data *Data) ([]document, error) {
	objects, ok := s.bound(name, data)
	if !ok {
		var err error
		if objects, err = s.proven(name, data); err != nil {
			return nil, err
		}
	}
	documents := make([]document, len(objects))
	for i, object := range objects {
		documents[i] = document{object: object, file: name, index: i, data: data, set: s}
	}
	return documents, nil
}

// proven renders a file plainly, and proves that nothing was injected.
func (s *Set) proven(name string, data *Data) ([]map[string]any, error) {
	text, err := s.execute(&s.plain, name, data)
	if err != nil {
		return nil, fmt.Errorf("rendering template %s: %w", s.sources.files[name], s.sources.hinted(err))
	}
	objects, decodeErr := decodeDocuments(text)
	if err := s.proveSafe(name, data, rendering{objects: objects, err: decodeErr}); err != nil {
		return nil, err
	}
	if decodeErr != nil {
		return nil, s.explainYAML(name, text, data, decodeErr)
	}
	return objects, nil
}

func (s *Set) execute(pool *sync.Pool, name string, data *Data) (string, error) {
	e := pool.Get().(*engine)
	defer pool.Put(e)
	return e.execute(name, data)
}

// newPool makes engines on demand; two renderings at a time need two.
func (s *Set) newPool(functions template.FuncMap, maxBytes int) sync.Pool {
	return sync.Pool{New: func() any { return newEngine(s.sources.trees, s.sources.steps, functions, maxBytes) }}
}
