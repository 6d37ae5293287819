package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"k8s.io/client-go/rest"
)

// traffic counts what goes over the wire: which content types, and which ways of listing.
type traffic struct {
	mutex     sync.Mutex
	requests  int
	protobuf  int
	sent      int
	watchList int
	lists     int
	paths     map[string]int
}

// on returns a configuration whose requests are counted.
func (t *traffic) on(config *rest.Config) *rest.Config {
	counted := rest.CopyConfig(config)
	counted.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return tripper(func(request *http.Request) (*http.Response, error) {
			answer, err := next.RoundTrip(request)
			if err == nil {
				t.count(request, answer)
			}
			return answer, err
		})
	})
	return counted
}

func (t *traffic) count(request *http.Request, answer *http.Response) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.requests++
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "application/vnd.kubernetes.protobuf") {
		t.protobuf++
	}
	if strings.HasPrefix(request.Header.Get("Content-Type"), "application/vnd.kubernetes.protobuf") {
		t.sent++
	}
	query := request.URL.Query()
	if query.Get("sendInitialEvents") == "true" {
		t.watchList++
	}
	if query.Get("limit") == "500" {
		t.lists++
	}
	if t.paths == nil {
		t.paths = map[string]int{}
	}
	t.paths[request.Method+" "+request.URL.Path]++
}

// informed says how often informers began with a streamed list, and how often with a classic one.
func (t *traffic) informed() (streamed, classic int) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.watchList, t.lists
}

// asked says how often a path was asked.
func (t *traffic) asked(path string) int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.paths[path]
}

// String tells the figures.
func (t *traffic) String() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return fmt.Sprintf("%d requests, %d bodies sent and %d answers in protobuf", t.requests, t.sent, t.protobuf)
}

type tripper func(*http.Request) (*http.Response, error)

func (t tripper) RoundTrip(request *http.Request) (*http.Response, error) { return t(request) }
