package github

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// Answers asks GitHub once whether it takes a token, and says what the answer
// means: token.BadCredentials where it does not. A dead token is to be asked about
// seldom, for GitHub shuts out an account that sends several. Options.Repository is
// not looked at; an error means that nothing was sent.
func Answers(ctx context.Context, o Options) (token.Class, error) {
	root, err := parseRoot(o.APIURL)
	if err != nil {
		return "", err
	}
	if !token.Sendable(o.Token) {
		return "", misuse("ask about token", "check what was read: it has none of GitHub's prefixes", "it is no token of GitHub")
	}
	ctx, cancel := context.WithTimeout(ctx, revokePatience)
	defer cancel()
	p := &prober{
		ctx: ctx, secret: o.Token, root: root.String(), agent: agentOf(o), wait: time.Second,
		client: &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	// Any token may ask for its limit, whatever its kind, and it costs nothing of it.
	return p.ask(get(token.AskUser, "", "rate_limit")).Class, nil
}

// revokePatience bounds one question about a token, or its revocation.
const revokePatience = 30 * time.Second

func agentOf(o Options) string {
	if o.UserAgent == "" {
		return "fluxkeeper"
	}
	return o.UserAgent
}

// Revoke makes tokens unusable for good, whoever they belong to; GitHub tells
// their owners. It takes no token of an app's installation. The request must be
// sent without a token of our own, so that Options.Token is not looked at
// (https://docs.github.com/rest/credentials/revoke). GitHub does it some time after it said that it
// would: Answers tells when it has.
func Revoke(ctx context.Context, o Options, dead secret.Secret) error {
	const op = "revoke token"
	root, err := parseRoot(o.APIURL)
	if err != nil {
		return err
	}
	switch kind := token.Inspect(dead).Kind; kind {
	case token.Classic, token.FineGrained, token.OAuth, token.AppUser, token.Refresh:
	default:
		return misuse(op, "delete it where it was made", fmt.Sprintf("GitHub revokes no token of the kind %s", kind))
	}
	body, err := json.Marshal(map[string][]string{"credentials": {dead.Reveal()}})
	if err != nil {
		return misuse(op, "", "the token cannot be written as JSON")
	}
	ctx, cancel := context.WithTimeout(ctx, revokePatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, root.String()+"credentials/revoke", bytes.NewReader(body))
	if err != nil {
		return misuse(op, "", "the address cannot be written")
	}
	req.Header.Set("User-Agent", agentOf(o))
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	client := &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return &Error{Op: op, Kind: Network, text: "GitHub was not reached: " + plain(err.Error()), hint: hints[Network], cause: err}
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusAccepted {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxRefs))
	if err != nil {
		data = nil
	}
	// The answer may quote what was sent.
	said := bytes.ReplaceAll(data, []byte(dead.Reveal()), []byte(dead.String()))
	return &Error{
		Op: op, Kind: Refused, Status: resp.StatusCode, text: fmt.Sprintf("GitHub answered %d: %s", resp.StatusCode, text.Quote(refusal(resp, said))),
		hint: "delete the token in GitHub's settings instead, and run the command again without --revoke",
	}
}
