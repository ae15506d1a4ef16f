package kubetest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// kubelet serves containers' logs to the API server, which alone may ask: it
// shows its certificate. Paths and parameters are those of the kubelet's own
// server (GET /containerLogs/{namespace}/{pod}/{container}).
type kubelet struct {
	port int
	mu   sync.Mutex
	logs map[string]string // by namespace/pod/container
}

func startKubelet(t testing.TB, s *Server) *kubelet {
	t.Helper()
	k := &kubelet{logs: map[string]string{}}
	ca, err := os.ReadFile(filepath.Join(s.dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(s.dir, "kubelet.crt"), filepath.Join(s.dir, "kubelet.key"))
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(ca)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", k.serve)
	server := httptest.NewUnstartedServer(mux)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	if k.port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	s.Apply(t, fmt.Sprintf(`apiVersion: v1
kind: Node
metadata: {name: fake}
status:
  addresses: [{type: InternalIP, address: 127.0.0.1}]
  daemonEndpoints: {kubeletEndpoint: {Port: %d}}
`, k.port))
	return k
}

func (k *kubelet) set(key, log string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.logs[key] = log
}

func (k *kubelet) serve(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	log, ok := k.logs[r.PathValue("namespace")+"/"+r.PathValue("pod")+"/"+r.PathValue("container")]
	k.mu.Unlock()
	if !ok {
		http.Error(w, fmt.Sprintf("container %q in pod %q is waiting to start", r.PathValue("container"), r.PathValue("pod")),
			http.StatusBadRequest)
		return
	}
	q := r.URL.Query()
	lines := strings.SplitAfter(log, "\n")
	if n, err := strconv.Atoi(q.Get("tailLines")); err == nil && n < len(lines)-1 {
		lines = lines[len(lines)-1-n:]
	}
	since, _ := time.Parse(time.RFC3339, q.Get("sinceTime"))
	var out strings.Builder
	for _, line := range lines {
		if !written(line).Before(since) {
			out.WriteString(line)
		}
	}
	text := out.String()
	if n, err := strconv.Atoi(q.Get("limitBytes")); err == nil && n < len(text) {
		text = text[:n]
	}
	_, _ = w.Write([]byte(text))
}

// written is when a line was, which a container runtime notes beside each line:
// here it is what the line says itself.
func written(line string) time.Time {
	var stamped struct {
		Time time.Time `json:"ts"`
	}
	if json.Unmarshal([]byte(line), &stamped) != nil || stamped.Time.IsZero() {
		return time.Now()
	}
	return stamped.Time
}
