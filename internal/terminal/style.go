package terminal

// Style colours text, or leaves it alone.
type Style bool

// Good is green.
func (s Style) Good(text string) string { return s.wrap("32", text) }

// Bad is red.
func (s Style) Bad(text string) string { return s.wrap("31", text) }

// Doubt is yellow.
func (s Style) Doubt(text string) string { return s.wrap("33", text) }

// Faint is for what is seldom read.
func (s Style) Faint(text string) string { return s.wrap("2", text) }

// Bold is for what the rest is about.
func (s Style) Bold(text string) string { return s.wrap("1", text) }

func (s Style) wrap(code, text string) string {
	if !s || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
