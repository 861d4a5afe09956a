package driver

import "strings"

// maxWords bounds what is quoted of the cluster: a status is kept for every task.
const maxWords = 2048

// explain joins the cluster's words with the advice for the reason.
func explain(reason, words string) string {
	return sentences(words, advice[reason])
}

// sentences joins what is not empty to one text.
func sentences(parts ...string) string {
	var text strings.Builder
	for _, part := range parts {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if text.Len() > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(part)
		if !strings.HasSuffix(part, ".") {
			text.WriteByte('.')
		}
	}
	return text.String()
}

// said is a reason and a message of the cluster.
func said(reason, message string) string {
	if message = quote(message); message == "" {
		return strings.Clone(reason)
	}
	return reason + ": " + message
}

// quote shortens what came from the cluster, or from the task, to maxWords bytes of valid UTF-8. Strings of protobuf messages
// share one buffer, so what is kept is always a copy.
func quote(words string) string {
	words = strings.TrimSpace(words)
	if len(words) > maxWords {
		words = words[:maxWords] + "..."
	}
	return strings.ToValidUTF8(strings.Clone(words), "")
}

// containsAny reports whether the text has one of the parts, without regard to case.
func containsAny(text string, parts ...string) bool {
	text = strings.ToLower(text)
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
