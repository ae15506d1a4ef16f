// Package esctest is a Pulumi backend on loopback with one environment,
// acme/flux/prod, for tests. It keeps to what Pulumi's API description and its own
// client say: headers, the tag in a request header named ETag, revisions, and
// fn::secret encrypted when it is saved.
//
// It refuses to know what is kept in the environment.
package esctest
