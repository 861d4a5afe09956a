package sanitize_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/orchestra-ci/orchestra-k8s/sanitize"
)

// TestNamesNeverChange pins exact results. A live object is found by its name: a release that computes another
// one orphans it and runs its task again. If this test fails, change the code, not the table.
func TestNamesNeverChange(t *testing.T) {
	for _, test := range []struct {
		parts                        []string
		label, subdomain, labelValue string
	}{
		{[]string{"build-7"},
			"build-7", "build-7", "build-7"},
		{[]string{"7"},
			"7", "7", "7"},
		{[]string{"Build-7"},
			"build-7-llrvkzxqn5bqd", "build-7-llrvkzxqn5bqd", "Build-7"},
		{[]string{"build_7"},
			"build-7-zl2xwsch6kwqq", "build-7-zl2xwsch6kwqq", "build_7"},
		{[]string{"build.7"},
			"build-7-pl92nqphm6xn8", "build.7", "build.7"},
		{[]string{"Build 7"},
			"build-7-5bcvmzb69nl6v", "build-7-5bcvmzb69nl6v", "Build-7-5bcvmzb69nl6v"},
		{[]string{"build-7-"},
			"build-7-tlbt5wq2wjvq9", "build-7-tlbt5wq2wjvq9", "build-7-tlbt5wq2wjvq9"},
		{[]string{"build/7"},
			"build-7-8zjzv2hcc8sqn", "build-7-8zjzv2hcc8sqn", "build-7-8zjzv2hcc8sqn"},
		{[]string{"naïve"},
			"na-ve-w8n5rd5nls4j9", "na-ve-w8n5rd5nls4j9", "na-ve-w8n5rd5nls4j9"},
		{[]string{"漢字"},
			"x-4pz48pxn85746", "x-4pz48pxn85746", "x-4pz48pxn85746"},
		{[]string{""},
			"x-29pvv595b6q78", "x-29pvv595b6q78", "x-29pvv595b6q78"},
		{[]string{" "},
			"x-t8rkzm6jxsxw6", "x-t8rkzm6jxsxw6", "x-t8rkzm6jxsxw6"},
		{[]string{},
			"x-k4m9fztmz7mlc", "x-k4m9fztmz7mlc", "x-k4m9fztmz7mlc"},
		{[]string{"", ""},
			"x-x4672k8x5ftlx", "x-x4672k8x5ftlx", "x-x4672k8x5ftlx"},
		{[]string{"\xff"},
			"x-rlgmcnfdndffm", "x-rlgmcnfdndffm", "x-rlgmcnfdndffm"},
		{[]string{"build-7-5bcvmzb69nl6v"},
			"build-7-5bcvmzb69nl6v-xzjb6pjnq2q6r", "build-7-5bcvmzb69nl6v-xzjb6pjnq2q6r", "build-7-5bcvmzb69nl6v-xzjb6pjnq2q6r"},
		{[]string{"team", "build-7"},
			"team-build-7-mqq8vvrcc494g", "team-build-7-mqq8vvrcc494g", "team-build-7-mqq8vvrcc494g"},
		{[]string{"team-build", "7"},
			"team-build-7-x8dz9kq4g5xlj", "team-build-7-x8dz9kq4g5xlj", "team-build-7-x8dz9kq4g5xlj"},
		{[]string{"Team", "build-7"},
			"team-build-7-jqg9qmw482498", "team-build-7-jqg9qmw482498", "Team-build-7-jqg9qmw482498"},
		{[]string{"team", "build-7", "cache"},
			"team-build-7-cache-bxffkf5sb7fbt", "team-build-7-cache-bxffkf5sb7fbt", "team-build-7-cache-bxffkf5sb7fbt"},
		{[]string{"team", "a..b"},
			"team-a-b-l8vkdfvzrns2g", "team-a-b-l8vkdfvzrns2g", "team-a-b-l8vkdfvzrns2g"},
		{[]string{"a--b"},
			"a--b", "a--b", "a--b"},
		{[]string{"a--b", ""},
			"a-b-tfnp5hz6xsq2v", "a-b-tfnp5hz6xsq2v", "a-b-tfnp5hz6xsq2v"},
		{[]string{strings.Repeat("a", 63)},
			strings.Repeat("a", 63), strings.Repeat("a", 63), strings.Repeat("a", 63)},
		{[]string{strings.Repeat("a", 64)},
			strings.Repeat("a", 49) + "-hkcjh9qs85v9s", strings.Repeat("a", 64), strings.Repeat("a", 49) + "-hkcjh9qs85v9s"},
		{[]string{strings.Repeat("a", 253)},
			strings.Repeat("a", 49) + "-rp24x9zx8wjfq", strings.Repeat("a", 253), strings.Repeat("a", 49) + "-rp24x9zx8wjfq"},
		{[]string{strings.Repeat("a", 254)},
			strings.Repeat("a", 49) + "-cxnhxww7fhvlh", strings.Repeat("a", 239) + "-cxnhxww7fhvlh", strings.Repeat("a", 49) + "-cxnhxww7fhvlh"},
		{[]string{"team", strings.Repeat("a", 300)},
			"team-" + strings.Repeat("a", 44) + "-5xwjc27w89dnl", "team-" + strings.Repeat("a", 234) + "-5xwjc27w89dnl", "team-" + strings.Repeat("a", 44) + "-5xwjc27w89dnl"},
		{[]string{"team.example" + strings.Repeat("-b", 120), "c"},
			"team-example" + strings.Repeat("-b", 18) + "-52t2clnwgc25f", "team.example" + strings.Repeat("-b", 113) + "-52t2clnwgc25f", "team.example" + strings.Repeat("-b", 18) + "-52t2clnwgc25f"},
	} {
		assert.Equal(t, test.label, sanitize.Label(test.parts...), "Label(%q)", test.parts)
		assert.Equal(t, test.subdomain, sanitize.Subdomain(test.parts...), "Subdomain(%q)", test.parts)
		assert.Equal(t, test.labelValue, sanitize.LabelValue(test.parts...), "LabelValue(%q)", test.parts)
	}
}

func Example() {
	fmt.Println(sanitize.Label("build-7"))
	fmt.Println(sanitize.Label("Build 7"))
	fmt.Println(sanitize.Label("team", "build-7"))
	fmt.Println(sanitize.LabelValue("Build_7"))
	// Output:
	// build-7
	// build-7-5bcvmzb69nl6v
	// team-build-7-mqq8vvrcc494g
	// Build_7
}
