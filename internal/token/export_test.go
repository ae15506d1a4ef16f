package token

// Looked is how many bytes Find looks at in a text; one that it looks at twice
// counts twice.
func Looked(text []byte) int {
	var s search
	s.everywhere(text)
	return s.looked
}
