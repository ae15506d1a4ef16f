// Command bare sends the requests of a file one after the other, and nothing
// else: the least time that a story can take whose requests depend on each other.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var chain []struct{ Method, URL, Body, Token string }
	if err := json.Unmarshal(data, &chain); err != nil {
		return err
	}
	for _, one := range chain {
		request, err := http.NewRequest(one.Method, one.URL, strings.NewReader(one.Body))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+one.Token)
		request.Header.Set("User-Agent", "bare")
		if one.Body != "" {
			request.Header.Set("Content-Type", "application/json")
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode >= 300 {
			return fmt.Errorf("%s %s: %s %v", one.Method, one.URL, response.Status, err)
		}
	}
	return nil
}
