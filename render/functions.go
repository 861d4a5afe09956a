package render

import (
	"maps"
	"slices"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// effect says what a function does to the strings that go through it. It matters where task strings are disguised (mask.go): what
// looks into a string must see the real one, what adds YAML syntax around it must not.
type effect int

const (
	builds   effect = iota // puts strings together or quotes them: works on disguised strings as they are
	passes                 // builds without quoting, and so that undoing the disguise of its result gives what real strings would
	inspects               // answers a question about its arguments: sees real strings
	looksUp                // finds something in its map or list with the keys it is given: sees the real keys
	converts               // makes another string of its argument's characters: sees real strings, its result is disguised again
	trims                  // cuts its last argument at the ends, whole blocks of YAML included: keeps the disguise of what is left
)

// functions are all that a template may call, beside what render brings itself (overrides). Left out of sprig: environment, DNS, clock,
// randomness, crypto generation, and what changes a map in place (set, unset) or depends on a map's order (shuffle).
var functions = map[string]effect{
	// text/template's own
	"and": passes, "or": passes, "print": passes, "printf": passes, "println": builds, "html": converts, "js": converts, "urlquery": converts,
	"not": builds, "len": inspects, "index": looksUp, "slice": converts, "call": builds,
	"eq": inspects, "ne": inspects, "lt": inspects, "le": inspects, "gt": inspects, "ge": inspects,
	// ours
	"include": passes, "required": passes, "toYaml": builds, "fromYaml": converts,
	// strings
	"abbrev": converts, "abbrevboth": converts, "trunc": converts, "trim": trims, "upper": converts, "lower": converts, "title": converts,
	"untitle": converts, "substr": converts, "repeat": builds, "trimAll": trims, "trimSuffix": trims, "trimPrefix": trims,
	"nospace": converts, "initials": converts, "swapcase": converts, "snakecase": converts, "camelcase": converts, "kebabcase": converts,
	"wrap": converts, "contains": inspects, "hasPrefix": inspects, "hasSuffix": inspects, "quote": builds, "squote": builds,
	"cat": passes, "indent": builds, "nindent": builds, "replace": converts, "plural": inspects, "toString": passes, "toStrings": builds,
	"sha1sum": converts, "sha256sum": converts, "sha512sum": converts, "adler32sum": converts, "b64enc": converts, "b32enc": converts,
	"b64dec": converts, "b32dec": converts, "join": builds, "sortAlpha": converts, "splitList": converts, "split": converts, "splitn": converts,
	// numbers
	"atoi": inspects, "int": inspects, "int64": inspects, "float64": inspects, "toDecimal": inspects, "add": inspects, "add1": inspects,
	"sub": inspects, "div": inspects, "mod": inspects, "mul": inspects, "add1f": inspects, "addf": inspects, "subf": inspects, "divf": inspects,
	"mulf": inspects, "max": inspects, "min": inspects, "maxf": inspects, "minf": inspects, "ceil": inspects, "floor": inspects, "round": inspects,
	"until": inspects, "untilStep": inspects,
	// defaults and types
	"default": passes, "empty": inspects, "coalesce": passes, "all": inspects, "any": inspects, "compact": builds, "ternary": passes,
	"deepCopy": passes, "typeOf": inspects, "typeIs": inspects, "typeIsLike": inspects, "kindOf": inspects, "kindIs": inspects, "deepEqual": inspects,
	// JSON, paths, URLs, versions
	"fromJson": converts, "toJson": builds, "toPrettyJson": builds, "toRawJson": builds,
	"base": converts, "dir": converts, "clean": converts, "ext": converts, "isAbs": inspects, "urlParse": converts, "urlJoin": converts,
	"semver": converts, "semverCompare": inspects,
	// lists and maps
	"tuple": passes, "list": passes, "dict": builds, "get": looksUp, "hasKey": looksUp, "pluck": builds, "keys": converts, "values": converts,
	"pick": looksUp, "omit": looksUp, "merge": passes, "mergeOverwrite": passes, "append": passes, "prepend": passes, "concat": passes,
	"first": passes, "rest": passes, "last": passes, "initial": passes, "reverse": passes, "uniq": builds, "without": converts, "has": inspects,
	"dig": looksUp, "chunk": builds,
	// flow and patterns
	"fail": passes, "regexMatch": inspects, "regexFind": converts, "regexFindAll": converts, "regexReplaceAll": converts,
	"regexReplaceAllLiteral": converts, "regexSplit": converts, "regexQuoteMeta": converts,
}

// functionNames is what the parser needs to know.
var functionNames = func() map[string]any {
	names := make(map[string]any, len(functions))
	for name := range functions {
		names[name] = true
	}
	return names
}()

// Functions lists, sorted, every function that a template may call.
func Functions() []string { return slices.Sorted(maps.Keys(functions)) }

// libraryFunctions are sprig's functions of the list above, with those that need a cap or a mend replaced (overrides), and
// all that could make more of what they get capped.
var libraryFunctions = func() template.FuncMap {
	chosen := sprig.HermeticTxtFuncMap()
	maps.Copy(chosen, overrides)
	for name, function := range chosen {
		effect, listed := functions[name]
		if !listed {
			delete(chosen, name)
		} else if effect != inspects && effect != looksUp {
			chosen[name] = capped(function)
		}
	}
	return chosen
}()
