package templates_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/orchestra-ci/orchestra-k8s/render"
	"github.com/orchestra-ci/orchestra-k8s/templates"
)

var update = flag.Bool("update", false, "write the generated parts of docs/templates.md anew")

// TestGuideTablesAreFresh compares what the guide generates from the schema, the template data and the functions.
func TestGuideTablesAreFresh(t *testing.T) {
	raw, err := os.ReadFile(guide)
	require.NoError(t, err)
	fresh := string(raw)
	for name, text := range map[string]string{"values": valuesTable(t), "data": dataTable(t), "functions": functionList()} {
		before, rest, found := strings.Cut(fresh, "<!-- generated: "+name+" -->\n")
		require.True(t, found, name)
		_, after, found := strings.Cut(rest, "<!-- end -->\n")
		require.True(t, found, name)
		fresh = before + "<!-- generated: " + name + " -->\n" + text + "<!-- end -->\n" + after
	}
	if *update {
		require.NoError(t, os.WriteFile(guide, []byte(fresh), 0o644))
		return
	}
	want, got := strings.Split(fresh, "\n"), strings.Split(string(raw), "\n")
	assert.Empty(t, append(missing(want, got), missing(got, want)...), "%s is stale in these lines; run the test with -update, or make golden", guide)
}

// missing are the lines that the others lack.
func missing(lines, others []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(others, line) })
}

// valuesTable has a line for every value of the schema.
func valuesTable(t *testing.T) string {
	t.Helper()
	text, err := fs.ReadFile(templates.FS, "default/values.yaml")
	require.NoError(t, err)
	var defaults map[string]any
	require.NoError(t, yaml.UnmarshalStrict(text, &defaults))
	var table strings.Builder
	table.WriteString("| value | type | default | what it does |\n| --- | --- | --- | --- |\n")
	writeValues(t, &table, "", readSchema(t), defaults)
	return table.String()
}

func writeValues(t *testing.T, table *strings.Builder, prefix string, properties map[string]schemaProperty, defaults map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		property := properties[name]
		_, _ = fmt.Fprintf(table, "| `%s` | %s | %s | %s |\n", prefix+name, property.kind(), defaultText(t, defaults[name]), property.Description)
		inner, _ := defaults[name].(map[string]any)
		writeValues(t, table, prefix+name+".", property.Properties, inner)
	}
}

// kind names the type; of a list that merges, also its key.
func (p schemaProperty) kind() string {
	switch {
	case p.Type == "array" && len(p.ListKeys) > 0:
		return "list by " + strings.Join(p.ListKeys, ", ")
	case p.Type == "array":
		return "list"
	case p.Type == "object":
		return "map"
	case len(p.Enum) > 0:
		return strings.Join(p.Enum, " or ")
	}
	if alternatives, ok := p.Type.([]any); ok {
		return fmt.Sprintf("%v or %v", alternatives[0], alternatives[1])
	}
	return fmt.Sprint(p.Type)
}

func defaultText(t *testing.T, value any) string {
	t.Helper()
	if _, isMap := value.(map[string]any); isMap || value == nil {
		return ""
	}
	raw, err := json.Marshal(value)
	require.NoError(t, err)
	return "`" + strings.Trim(string(raw), `"`) + "`"
}

// dataTable has a line for every field that a template sees, from the comments of the structs themselves.
func dataTable(t *testing.T) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../render/data.go", nil, parser.ParseComments)
	require.NoError(t, err)
	structs := map[string]*ast.StructType{}
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, ok := node.(*ast.TypeSpec); ok {
			structs[spec.Name.Name], _ = spec.Type.(*ast.StructType)
		}
		return true
	})
	var table strings.Builder
	table.WriteString("| field | type | what it is |\n| --- | --- | --- |\n")
	writeFields(t, &table, "", structs["Data"], structs)
	return table.String()
}

func writeFields(t *testing.T, table *strings.Builder, prefix string, of *ast.StructType, structs map[string]*ast.StructType) {
	for _, field := range of.Fields.List {
		kind := types.ExprString(field.Type)
		inner := structs[strings.TrimLeft(kind, "*[]")]
		for _, name := range field.Names {
			if !name.IsExported() {
				continue
			}
			comment := strings.TrimSpace(field.Comment.Text())
			assert.NotEmpty(t, comment, "%s.%s in render/data.go needs a comment", prefix, name)
			_, _ = fmt.Fprintf(table, "| `%s.%s` | %s | %s |\n", prefix, name, templateType(kind, inner != nil), comment)
			switch {
			case inner != nil && strings.HasPrefix(kind, "[]"):
				writeFields(t, table, prefix+"."+name.Name+"[]", inner, structs)
			case inner != nil:
				writeFields(t, table, prefix+"."+name.Name, inner, structs)
			}
		}
	}
}

// templateType is the word for a Go type that a template's author needs.
func templateType(kind string, isStruct bool) string {
	switch {
	case isStruct && strings.HasPrefix(kind, "[]"):
		return "list"
	case isStruct:
		return "fields"
	case kind == "[]string":
		return "list of strings"
	case kind == "map[string]string":
		return "map of strings"
	case strings.HasPrefix(kind, "map"):
		return "map"
	case strings.HasSuffix(kind, "int64"):
		return "integer"
	}
	return kind
}

// functionList is every function, in lines of a readable length.
func functionList() string {
	const width = 130
	var list strings.Builder
	room := width
	for _, name := range render.Functions() {
		item := "`" + name + "`"
		switch {
		case list.Len() == 0:
		case len(item)+2 > room:
			list.WriteString(",\n")
			room = width
		default:
			list.WriteString(", ")
			room -= 2
		}
		list.WriteString(item)
		room -= len(item)
	}
	return list.String() + "\n"
}
