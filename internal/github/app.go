package github

import (
	"crypto/rsa"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// App is a GitHub App that asks for itself, as its own webhook needs it
// (https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app).
type App struct {
	// ID is the app's number; 0 means that there is no app.
	ID int64
	// Key is its private key, as the PEM file that GitHub makes.
	Key secret.Secret
}

const (
	// jwtAge is how far back a JWT starts, for clocks that differ a little.
	jwtAge = time.Minute
	// jwtLife is how long it holds from now on; GitHub takes ten minutes at most.
	jwtLife = 9 * time.Minute
)

// ConnectApp makes a connection that asks as an app. It sends nothing.
func ConnectApp(o Options, a App) (Connection, error) {
	tokens, err := a.tokens(time.Now)
	if err != nil {
		return Connection{}, err
	}
	return connect(o, tokens)
}

// tokens gives a source of JWTs, one for each request, and so none that expires
// while it is kept.
func (a App) tokens(now func() time.Time) (func() (secret.Secret, error), error) {
	const op, hint = "read the app's private key", "give the PEM file that was downloaded from the page of the app's settings"
	if a.ID <= 0 {
		return nil, Misused("open app "+strconv.FormatInt(a.ID, 10), "give the App ID from the page of the app's settings", "not an app's number")
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(a.Key.Reveal()))
	if err != nil { // the cause is left out: it could quote the key
		return nil, Misused(op, hint, "not an RSA private key in PEM")
	}
	if err := key.Validate(); err != nil {
		return nil, Misused(op, hint, "its numbers do not belong together")
	}
	return func() (secret.Secret, error) { return a.sign(key, now()) }, nil
}

func (a App) sign(key *rsa.PrivateKey, now time.Time) (secret.Secret, error) {
	text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: strconv.FormatInt(a.ID, 10), IssuedAt: jwt.NewNumericDate(now.Add(-jwtAge)), ExpiresAt: jwt.NewNumericDate(now.Add(jwtLife)),
	}).SignedString(key)
	if err != nil {
		return secret.Secret{}, Misused("sign a token for the app", "check the app's private key", "the key does not sign")
	}
	return secret.New(text), nil
}
