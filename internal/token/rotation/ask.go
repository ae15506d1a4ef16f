package rotation

import (
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// Asker asks one server about a rotation's two tokens.
type Asker struct {
	Ask func(secret.Secret) (token.Class, error)
	// Old is the token that was replaced, New the one in its place; that is empty where
	// it is not at hand.
	Old, New secret.Secret
}

// Class says what the server's answer to the old token means. A refusal is one only
// where the server takes the new token and refuses the old one once more; else there
// is a gap.
func (p Asker) Class() (class token.Class, gap string, err error) {
	class, err = p.Ask(p.Old)
	if err != nil || class != token.BadCredentials {
		return class, "", err
	}
	switch control, err := p.Control(); {
	case err != nil:
		return "", "", err
	case control == "":
		return token.Trouble, "GitHub refuses the old token, and no new one is at hand to show that it takes that one; " +
			"name a place that has it, or give --new-token-file", nil
	case control != token.OK:
		return token.Trouble, "the server refuses the old token, and does not take the new one either: its answer was " + string(control), nil
	}
	if class, err = p.Ask(p.Old); err == nil && class != token.BadCredentials {
		return class, "the server first refused the old token, and then did not: its answer was " + string(class), nil
	}
	return class, "", err
}

// Control asks about the new token; empty where there is none.
func (p Asker) Control() (token.Class, error) {
	if p.New.Empty() {
		return "", nil
	}
	return p.Ask(p.New)
}
