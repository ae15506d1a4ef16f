package text

// Style is what the output can do.
type Style struct {
	Color bool
	Width int // columns; 0 where there is no terminal
}

// Paint is a set of ANSI display attributes.
type Paint string

// The attributes that are used.
const (
	Bold   Paint = "1"
	Dim    Paint = "2"
	Red    Paint = "1;31"
	Green  Paint = "1;32"
	Yellow Paint = "1;33"
	Cyan   Paint = "1;36"
)

// Paint gives the words their colour where the output has colours.
func (s Style) Paint(p Paint, words string) string {
	if !s.Color || p == "" || words == "" {
		return words
	}
	return "\x1b[" + string(p) + "m" + words + "\x1b[0m"
}
