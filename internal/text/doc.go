// Package text knows how text is shown: escapers for terminals, Markdown, JSON
// and workflow commands, which characters cannot be seen, and how text is cut,
// counted, quoted and coloured; and which error has a hint.
//
// It refuses to know what the text is about.
package text
