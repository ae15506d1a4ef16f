package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// unreached is the hint where no receiver answers.
const unreached = "is it running, and is --admin-listen the address that it was started with?"

// AskReady asks the listener at an address, such as 127.0.0.1:8081, whether its
// receiver is ready, and says why where it is not.
func AskReady(ctx context.Context, address string) error {
	if strings.HasPrefix(address, ":") {
		address = "127.0.0.1" + address
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return text.WithHint(err, unreached)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return text.WithHint(fmt.Errorf("ask receiver: %w", err), unreached)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4096))
	var told struct{ Reason string }
	if json.Unmarshal(body, &told) != nil || told.Reason == "" {
		told.Reason = string(body) // all of an answer that is not the receiver's
	}
	return errors.Join(fmt.Errorf("the receiver is not ready: %s", told.Reason), err)
}
