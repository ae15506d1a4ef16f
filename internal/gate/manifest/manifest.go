package manifest

// Part is the part of an image that a marker sets.
type Part string

// The parts. Whole is a reference with name, tag and, where the policy has
// one, digest.
const (
	Whole  Part = ""
	Name   Part = "name"
	Tag    Part = "tag"
	Digest Part = "digest"
)

// Marker is Flux's comment on a scalar that names the ImagePolicy which sets
// it: {"$imagepolicy": "namespace:policy[:part]"}
// (https://fluxcd.io/flux/guides/image-update/#configure-image-update-for-custom-resources).
type Marker struct {
	Namespace, Policy string
	Part              Part
}

// Image is the marker's namespace:policy, which all parts of one image share.
func (m Marker) Image() string { return m.Namespace + ":" + m.Policy }

// Setter is the marker as Flux writes it, namespace:policy[:part].
func (m Marker) Setter() string {
	if m.Part == Whole {
		return m.Image()
	}
	return m.Image() + ":" + string(m.Part)
}

// Position counts lines and characters from 1.
type Position struct{ Line, Column int }

// Field is a scalar that carries a marker.
type Field struct {
	Marker Marker
	Position
	Document int // from 0
	// Path is the way to the scalar, such as spec.containers[0].image.
	Path string
	// Key is the last mapping key of Path, such as image, tag or newTag.
	Key   string
	Value string
	// Resolved is the type that YAML 1.1 readers give the scalar: str, int,
	// float, bool, null or timestamp.
	Resolved string
	// Aliases are the places that take the value over through an alias of the
	// scalar's anchor, the first hundred of each anchor.
	Aliases []Position
}

// Defect is something in a file that two readers could read differently, or
// that nobody should have to read.
type Defect struct {
	Rule string // yaml/… or policy/…
	Position
	Path    string
	Message string
	// Old tells, in a Comparison, that the base has the very same defect.
	Old bool
}

// Change is a marked place, the same in base and head, whose value differs.
type Change struct{ Old, New Field }

// Difference is a place where base and head differ beyond marked values.
// The position is in the head where the place exists there.
type Difference struct {
	Position
	// Was is the line of the base where a null stood that is none any more; else 0.
	Was int
	// Rule is the rule that names such a difference; empty means scope/residue.
	Rule    string
	Path    string
	Message string
}

// Outcome says how near re-executing Flux's update on the base comes to the head.
type Outcome string

// The outcomes, best first.
const (
	Reproduced Outcome = "reproduced" // every byte is equal
	Equivalent Outcome = "equivalent" // equal but for marked values and layout
	Residue    Outcome = "residue"    // something else changed
	None       Outcome = "none"       // nothing to reproduce
)
