// Package schematest describes a field in a JSON schema by the comment that it has
// in the source, so that what it means is said once.
package schematest
