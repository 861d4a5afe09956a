package render

// bound renders a file with placeholders and returns its objects. ok is false where that is not certain to give what plain rendering
// would, errors included: then nothing has been decided about the file.
func (s *Set) bound(name string, data *Data) (objects []map[string]any, ok bool) {
	if !s.canBind || data.found.mask.base != planes[0] {
		return nil, false
	}
	e := s.binders.Get().(*engine)
	defer s.binders.Put(e)
	e.binding.reset(data.found.empties)
	text, err := e.execute(name, maskData(data, e.binding.mask))
	if err != nil || len(text) > e.binding.budget {
		return nil, false
	}
	lines, ok := e.binding.lines(text)
	if !ok || len(lines) == 0 {
		return nil, ok
	}
	reader := simpleYAML{binding: e.binding, lines: lines}
	object, ok := reader.document()
	return []map[string]any{object}, ok
}
