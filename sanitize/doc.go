// Package sanitize turns any strings into names and label values that Kubernetes accepts.
//
// Two requirements define it:
//
//  1. Whatever the input, the result is valid.
//  2. Different inputs never share a result, whichever of the functions made it.
//
// An input is a tuple of strings: ("a-b", "c") and ("a", "b-c") differ, and so do ("a") and ("a", "").
// The bytes count, not the characters: the case of a letter and invalid UTF-8 make a difference.
//
// A single string that is valid stays as it is. Every other input becomes a readable part, a hyphen and a
// hash of the whole input:
//
//	Label("build-7")            build-7
//	Label("Build 7")            build-7-5bcvmzb69nl6v
//	Label("team", "build-7")    team-build-7-mqq8vvrcc494g
//
// A valid string that ends like such a result is hashed as well, as it could be mistaken for one. So the
// result must not be sanitized again: Label(Label("Build 7")) differs from Label("Build 7").
//
// The hash has 61 bits. Among a million hashed names two are equal with a probability of about one in eight
// million; someone who searches for two inputs of equal hash can find them. Callers therefore compare the
// raw values, kept in annotations, before they take an object for theirs.
//
// Names identify live objects, so the results are part of the API: a release that computed others would
// no longer find the objects of the one before.
//
// All functions are pure, and safe for concurrent use.
package sanitize
