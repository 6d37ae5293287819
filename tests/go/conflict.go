package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"
)

const (
	counters   = 16
	increments = 20
)

// conflict has many writers count in one object: each tries again when another was faster, and no count is lost.
func conflict(ctx context.Context, stage *stage) string {
	kube, err := kubernetes.NewForConfig(stage.config)
	must(err, "clientset")
	maps := kube.CoreV1().ConfigMaps("default")
	_, err = maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "counter"}, Data: map[string]string{"count": "0"}}, metav1.CreateOptions{})
	must(err, "create the counter")
	patient := wait.Backoff{Steps: 200, Duration: 5 * time.Millisecond, Factor: 1, Jitter: 4}
	var attempts atomic.Int64
	errors := make(chan error, counters)
	var writers sync.WaitGroup
	for range counters {
		writers.Go(func() {
			for range increments {
				err := retry.RetryOnConflict(patient, func() error {
					attempts.Add(1)
					seen, err := maps.Get(ctx, "counter", metav1.GetOptions{})
					if err != nil {
						return err
					}
					count, err := strconv.Atoi(seen.Data["count"])
					if err != nil {
						return err
					}
					seen.Data["count"] = strconv.Itoa(count + 1)
					_, err = maps.Update(ctx, seen, metav1.UpdateOptions{})
					return err
				})
				if err != nil {
					errors <- err
					return
				}
			}
		})
	}
	writers.Wait()
	close(errors)
	must(<-errors, "increment")
	seen, err := maps.Get(ctx, "counter", metav1.GetOptions{})
	must(err, "get the counter")
	check(seen.Data["count"] == strconv.Itoa(counters*increments), "%s of %d counts", seen.Data["count"], counters*increments)
	return fmt.Sprintf("%d writers, %d increments, %d attempts", counters, counters*increments, attempts.Load())
}
