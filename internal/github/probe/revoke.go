package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// patience bounds one question about a token, or its revocation.
const patience = 30 * time.Second

// Answers asks GitHub once whether it takes a token, and says what the answer
// means: token.BadCredentials where it does not. A dead token is to be asked about
// seldom, for GitHub shuts out an account that sends several. Options.Repository is
// not looked at; an error means that nothing was sent.
func Answers(ctx context.Context, o github.Options) (token.Class, error) {
	p, err := newProber(o, o.Token)
	if err != nil {
		return "", err
	}
	if !token.Sendable(o.Token) {
		return "", github.Misused("ask about token", "check what was read: it has none of GitHub's prefixes", "it is no token of GitHub")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p.ctx = ctx
	// Any token may ask for its limit, whatever its kind, and it costs nothing of it.
	return p.ask(get(token.AskUser, "", "rate_limit")).Class, nil
}

// Revoke makes tokens unusable for good, whoever they belong to; GitHub tells
// their owners. It takes no token of an app's installation. The request must be
// sent without a token of our own, so that Options.Token is not looked at
// (https://docs.github.com/rest/credentials/revoke). GitHub does it some time after
// it said that it would: Answers tells when it has.
func Revoke(ctx context.Context, o github.Options, dead secret.Secret) error {
	const op = "revoke token"
	p, err := newProber(o, dead)
	if err != nil {
		return err
	}
	switch kind := token.Inspect(dead).Kind; kind {
	case token.Classic, token.FineGrained, token.OAuth, token.AppUser, token.Refresh:
	default:
		return github.Misused(op, "delete it where it was made", fmt.Sprintf("GitHub revokes no token of the kind %s", kind))
	}
	body, err := json.Marshal(map[string][]string{"credentials": {dead.Reveal()}})
	if err != nil {
		return github.Misused(op, "", "the token cannot be written as JSON")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p.ctx = ctx
	a := p.send(question{
		Question: token.Question{Method: http.MethodPost, Body: string(body)}, path: "credentials/revoke", anonymous: true,
	})
	switch a.Status {
	case http.StatusAccepted:
		return nil
	case 0:
		return github.Errorf(github.Network, op, "GitHub was not reached: %s", a.Message)
	}
	e := github.Errorf(github.Refused, op, "GitHub answered %d: %s", a.Status, text.Quote(a.Message))
	e.Status = a.Status
	return e.WithHint("delete the token in GitHub's settings instead, and run the command again without --revoke")
}
