// Package gatetest reads a change from a txtar archive: the base and head
// files, the policy file and whatever else a judge may look at. The catalogue's
// examples, the attack suite and the honest cases are all written this way.
//
// An archive holds files of these names:
//
//	base/PATH    content at the merge base, and at the base's tip
//	tip/PATH     content at the base's tip, where the base moved on
//	head/PATH    content at head; what is not named is as in the base
//	policy.yaml  the policy file of the base; without it the default holds
//	facts.yaml   everything else (see the fields of facts)
//
// Where a name ends in .esc, the suffix is dropped, the content is read as the
// inside of a Go string, and a line that ends in a backslash has no line feed.
// So a case can hold bytes that an archive or an editor cannot.
package gatetest
