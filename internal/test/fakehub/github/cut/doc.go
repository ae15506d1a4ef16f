// Command cut makes the descriptions in the folder above out of GitHub's own,
// which are far too large to keep whole. README.md there says how.
package main
