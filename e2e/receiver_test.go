package e2e_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

const receiverImage = "fluxkeeper-receiver:e2e"

// TestReceiverImage runs the receiver as a careful person would: as nobody, on
// a read-only file system, without any right. It takes a delivery, is found
// healthy, survives being replaced, and proves what it kept.
func TestReceiverImage(t *testing.T) {
	engine(t)
	output(t, "docker", "build", "--build-arg", "GO_IMAGE="+goImage, "--target", "receiver", "--tag", receiverImage, "..")
	var inspected []struct {
		Config struct {
			User        string
			Healthcheck struct{ Test []string }
		}
	}
	must(t, json.Unmarshal([]byte(output(t, "docker", "image", "inspect", receiverImage)), &inspected))
	if c := inspected[0].Config; c.User != "65532:65532" || len(c.Healthcheck.Test) == 0 {
		t.Errorf("configuration %+v", c)
	}
	const secret = leaktest.Secret
	file := filepath.Join(t.TempDir(), "webhook-secret")
	must(t, os.WriteFile(file, []byte(secret), 0o600))
	must(t, os.Chmod(file, 0o644)) // another user reads it
	volume := strings.TrimSpace(output(t, "docker", "volume", "create"))
	t.Cleanup(func() { _ = exec.Command("docker", "volume", "rm", volume).Run() })

	first := runReceiver(t, volume, file)
	waitHealthy(t, first)
	if status, answer := deliver(t, first, secret); status != http.StatusAccepted {
		t.Errorf("%d %s", status, answer)
	}
	output(t, "docker", "stop", first)

	second := runReceiver(t, volume, file)
	waitHealthy(t, second)
	if status, answer := deliver(t, second, secret); status != http.StatusOK {
		t.Errorf("the delivery is not remembered: %d %s", status, answer)
	}
	found := output(t, "docker", "exec", second, "/fluxkeeper-receiver", "verify")
	if !strings.HasPrefix(found, "OK ") || !strings.Contains(found, "entries  1\n") {
		t.Error(found)
	}
}

func runReceiver(t *testing.T, volume, secretFile string) string {
	t.Helper()
	container := strings.TrimSpace(output(t, "docker", "run", "--detach", "--read-only", "--cap-drop", "ALL",
		"--security-opt", "no-new-privileges", "--publish", "127.0.0.1::8080", "--volume", volume+":/data",
		"--volume", secretFile+":/webhook-secret:ro", receiverImage, "serve", "--webhook-secret-file", "/webhook-secret"))
	t.Cleanup(func() {
		logs, _ := exec.Command("docker", "logs", container).CombinedOutput()
		leaktest.Text(t, "the container's log", logs)
		if t.Failed() {
			t.Logf("%s", leaktest.Redact(string(logs)))
		}
		_ = exec.Command("docker", "rm", "--force", container).Run()
	})
	return container
}

// waitHealthy asks the engine until it has run the image's own healthcheck.
func waitHealthy(t *testing.T, container string) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-tick.C {
		if strings.TrimSpace(output(t, "docker", "inspect", "--format", "{{.State.Health.Status}}", container)) == "healthy" {
			return
		}
	}
	t.Fatal("the container did not become healthy")
}

func deliver(t *testing.T, container, secret string) (int, string) {
	t.Helper()
	address, _, _ := strings.Cut(output(t, "docker", "port", container, "8080/tcp"), "\n")
	body := []byte(`{"zen":"Keep it logically awesome.","hook_id":1}`)
	signer := hmac.New(sha256.New, []byte(secret))
	signer.Write(body)
	request, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://%s/webhooks/github", address), bytes.NewReader(body))
	must(t, err)
	for name, value := range map[string]string{
		"Content-Type": "application/json", "X-GitHub-Event": "ping", "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
		"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(signer.Sum(nil)),
	} {
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(text)
}
