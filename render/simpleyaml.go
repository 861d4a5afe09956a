package render

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v2"
)

// simpleYAML reads the text of a bound rendering: one document of maps and lists in block style, plain scalars, quoted ones without
// escapes, and flow style within a line. Whatever else YAML knows (anchors, tags, block scalars, several documents, nulls) it refuses, and
// so it does with anything that it may not read exactly as decodeDocuments would.
type simpleYAML struct {
	*binding
	lines []yamlTextLine
	at    int
}

// yamlTextLine is a line that holds more than a comment.
type yamlTextLine struct {
	indent int
	text   string // neither begins nor ends with a space
}

// lines cuts the text into lines. It refuses characters other than letters, digits, ASCII and disguised ones.
func (b *binding) lines(text string) (lines []yamlTextLine, ok bool) {
	for _, r := range text {
		if r < ' ' && r != '\n' || r == 0x7f || r > 0x7f && !b.isMasked(r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return nil, false
		}
	}
	lines = make([]yamlTextLine, 0, 64)
	for line := range strings.SplitSeq(text, "\n") {
		content := strings.TrimLeft(line, " ")
		indent := len(line) - len(content)
		switch content = strings.TrimRight(content, " "); {
		case content == "":
		case content[0] != '#':
			lines = append(lines, yamlTextLine{indent, content})
		case b.isIn(content):
			return nil, false // its plain text may go on behind a line break
		}
	}
	return lines, true
}

func (y *simpleYAML) document() (map[string]any, bool) {
	if y.lines[0].indent != 0 || isItem(y.lines[0].text) {
		return nil, false
	}
	object, ok := y.mapping(0)
	return object, ok && y.at == len(y.lines)
}

func isItem(text string) bool { return text == "-" || strings.HasPrefix(text, "- ") }

// next returns the line to be read, if it is indented at least so far.
func (y *simpleYAML) next(indent int) (line yamlTextLine, ok bool) {
	if y.at == len(y.lines) || y.lines[y.at].indent < indent {
		return line, false
	}
	return y.lines[y.at], true
}

// mapping reads the fields that begin at this indent.
func (y *simpleYAML) mapping(indent int) (map[string]any, bool) {
	fields := make(map[string]any, 8)
	for {
		line, more := y.next(indent)
		if !more || isItem(line.text) {
			return fields, true
		}
		name, rest, ok := cutKey(line.text)
		if _, twice := fields[name]; twice || !ok || line.indent != indent {
			return nil, false
		}
		y.at++
		if fields[name], ok = y.field(indent, rest); !ok {
			return nil, false
		}
	}
}

// field reads what stands behind a key: a value on the same line or the next, or a block below.
func (y *simpleYAML) field(indent int, rest string) (any, bool) {
	if rest != "" {
		return y.line(indent, rest)
	}
	line, more := y.next(indent)
	switch {
	case !more:
		return nil, false // a null
	case isItem(line.text):
		return y.sequence(line.indent)
	case line.indent == indent:
		return nil, false // a null
	}
	if _, _, isField := cutKey(line.text); isField {
		return y.mapping(line.indent)
	}
	y.at++
	return y.line(indent, line.text)
}

func (y *simpleYAML) block(line yamlTextLine) (any, bool) {
	if isItem(line.text) {
		return y.sequence(line.indent)
	}
	return y.mapping(line.indent)
}

// sequence reads the items that begin at this indent. What stands behind an item's dash is a block of its own that begins there.
func (y *simpleYAML) sequence(indent int) (any, bool) {
	items := make([]any, 0, 4)
	for {
		line, more := y.next(indent)
		if !more || line.indent == indent && !isItem(line.text) {
			return items, true
		}
		if line.indent != indent || line.text == "-" {
			return nil, false
		}
		rest := strings.TrimLeft(line.text[1:], " ")
		var item any
		ok := false
		if _, _, isField := cutKey(rest); isField || isItem(rest) {
			inner := yamlTextLine{indent + len(line.text) - len(rest), rest}
			y.lines[y.at] = inner
			item, ok = y.block(inner)
		} else {
			y.at++
			item, ok = y.line(indent, rest)
		}
		if !ok {
			return nil, false
		}
		items = append(items, item)
	}
}

// line reads a value that ends with its line. A line below that is indented further would belong to it.
func (y *simpleYAML) line(indent int, text string) (any, bool) {
	if _, more := y.next(indent + 1); more {
		return nil, false
	}
	flow := flowYAML{binding: y.binding, rest: text, block: true}
	value, ok := flow.value()
	return value, ok && y.endsLine(flow.rest)
}

// endsLine accepts nothing or a comment.
func (b *binding) endsLine(rest string) bool {
	return rest == "" || strings.HasPrefix(strings.TrimLeft(rest, " "), "#") && rest[0] == ' ' && !b.isIn(rest)
}

// cutKey splits "key: rest" at a plain key that can only be a string.
func cutKey(text string) (key, rest string, ok bool) {
	end := 0
	for end < len(text) && isKeyByte(text[end]) {
		end++
	}
	key, rest = text[:end], text[end:]
	if end == 0 || !isLetter(text[0]) || isTypedWord(key) || rest == "" || rest[0] != ':' {
		return "", "", false
	}
	if rest = rest[1:]; rest != "" && rest[0] != ' ' {
		return "", "", false
	}
	if rest = strings.TrimLeft(rest, " "); strings.HasPrefix(rest, "#") {
		return "", "", false
	}
	return key, rest, true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isKeyByte(c byte) bool {
	return isLetter(c) || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == '/'
}

// isTypedWord tells the words that YAML 1.1 reads as a boolean or null. It may call a few more so.
func isTypedWord(text string) bool {
	if len(text) > 5 {
		return false
	}
	switch strings.ToLower(text) {
	case "y", "yes", "true", "on", "n", "no", "false", "off", "null", "~":
		return true
	}
	return false
}

// scalar reads a plain scalar, whole. A disguised one must be a string without its disguise too, because that is what plain rendering
// would put there.
func (b *binding) scalar(text string) (any, bool) {
	real := b.mask.undo(text)
	if !isPlain(real) || b.isIn(text) && strings.IndexFunc(text, b.isPlaceholder) >= 0 {
		return nil, false
	}
	if real == text && (text == "true" || text == "false") {
		return text == "true", true
	}
	if first, _ := utf8.DecodeRuneInString(real); first > 0x7f || first == '/' || first == '_' || isLetter(real[0]) && !isTypedWord(real) {
		return real, true
	}
	var value any
	if err := yaml.Unmarshal([]byte(real), &value); err != nil {
		return nil, false
	}
	value, err := jsonValue(value)
	_, isText := value.(string)
	return value, err == nil && value != nil && (isText || real == text)
}

// isPlain tells texts that YAML reads as one plain scalar wherever they stand.
func isPlain(text string) bool {
	for i, r := range text {
		switch {
		case r < 0x80 && isKeyByte(byte(r)), r > 0x7f && (unicode.IsLetter(r) || unicode.IsDigit(r)):
		case r == ' ', r == ':', r == '@', r == '=', r == '+':
			if i == 0 && r != '+' || i == len(text)-1 || r == ':' && text[i+1] == ' ' {
				return false
			}
		default:
			return false
		}
	}
	return text != "" && !isItem(text) && !strings.HasPrefix(text, "---") && !strings.HasPrefix(text, "...")
}
