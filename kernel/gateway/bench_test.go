package gateway_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

func dialTCP(tb testing.TB, url string) *client.Client {
	tb.Helper()
	c, err := client.Dial(tb.Context(), client.Options{URL: url, Token: token, MaxProtocol: 3})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// BenchmarkHealth is one request after the other on one TCP connection.
func BenchmarkHealth(b *testing.B) {
	_, url := bootTCP(b)
	c := dialTCP(b, url)
	defer c.Close()
	for b.Loop() {
		var h health
		if err := c.Call(b.Context(), "health", nil, &h); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// BenchmarkPipelined keeps 64 requests of one connection under way.
func BenchmarkPipelined(b *testing.B) {
	_, url := bootTCP(b)
	c := dialTCP(b, url)
	defer c.Close()
	var wg sync.WaitGroup
	n := make(chan struct{}, 64)
	for range 64 {
		wg.Go(func() {
			for range n {
				if err := c.Call(b.Context(), "health", nil, nil); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	for b.Loop() {
		n <- struct{}{}
	}
	close(n)
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// BenchmarkPipelinedRaw is the same with a client that costs next to nothing, to see the gateway alone.
func BenchmarkPipelinedRaw(b *testing.B) {
	_, url := bootTCP(b)
	conn := rawConnect(b, url)
	defer conn.Close()
	frame := rawFrame(`{"type":"req","id":"1","method":"health","params":{}}`)
	batch := bytes.Repeat(frame, 64)
	done := make(chan error, 1)
	go func() {
		r := bufio.NewReaderSize(conn.in, 64<<10)
		for got := 0; got < b.N || b.N == 0; {
			op, err := rawRead(r)
			if err != nil {
				done <- err
				return
			}
			if bytes.Contains(op, []byte(`"type":"res"`)) {
				if got++; got == b.N {
					break
				}
			}
		}
		done <- nil
	}()
	b.ResetTimer()
	for i := 0; i < b.N; i += 64 {
		if _, err := conn.Write(batch[:len(frame)*min(64, b.N-i)]); err != nil {
			b.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// BenchmarkFanOut is one event to a hundred connections that read it. At most window events are on their way,
// because a connection that lags by Limits.MaxQueued is closed.
func BenchmarkFanOut(b *testing.B) {
	const readers, window = 100, 1024
	kind := event.Kind[id]{Name: "chat", Scope: wire.ScopeRead}
	r, url := bootTCP(b)
	read := make(chan error, readers) // nil for each window that a reader has read
	for range readers {
		conn := rawConnect(b, url)
		defer conn.Close()
		go func() {
			in := bufio.NewReaderSize(conn.in, 64<<10)
			for got := 0; ; {
				msg, err := rawRead(in)
				if err != nil {
					read <- err
					return
				}
				if !bytes.Contains(msg, []byte(`"event":"chat"`)) {
					continue
				}
				if got++; got%window == 0 {
					read <- nil
				}
			}
		}()
	}
	publish := func(n int) {
		kind.Publish(r.bus, id{n})
		if n%window != 0 {
			return
		}
		for range readers {
			if err := <-read; err != nil {
				b.Fatal(err)
			}
		}
	}
	n := 0
	for b.Loop() {
		n++
		publish(n)
	}
	b.StopTimer()
	for ; n%window != 0; n++ {
		publish(n + 1) // to the end of a window, so that every reader has read everything
	}
}

// BenchmarkConnect opens and closes a connection. The client is bare, to see the gateway alone.
func BenchmarkConnect(b *testing.B) {
	_, url := bootTCP(b)
	b.ReportAllocs()
	for b.Loop() {
		conn := rawConnect(b, url)
		_, _ = conn.Write([]byte{0x88, 0x80, 0, 0, 0, 0})
		_, _ = io.Copy(io.Discard, conn.in) // to its end
		_ = conn.Close()
	}
}

// BenchmarkIdleConnections reports what the process needs for each of its idle connections, the
// client's end not counted: it is a bare socket without goroutine.
func BenchmarkIdleConnections(b *testing.B) {
	const n = 9000 // both ends are in this process, and 20,000 open files a common limit
	_, url := bootTCP(b)
	for b.Loop() {
		before := memory()
		conns := make([]net.Conn, 0, n)
		for range n {
			conns = append(conns, rawConnect(b, url).Conn)
		}
		time.Sleep(time.Second)
		after := memory()
		b.ReportMetric(float64(after-before)/n, "B/conn")
		b.ReportMetric(float64(rss())/n, "rss-B/conn")
		for _, c := range conns {
			c.Close()
		}
	}
}

// memory is what Go has in use for heap and stacks.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// rss is the process's resident memory in bytes, 0 where it cannot be read.
func rss() uint64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseUint(strings.Fields(v)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

const connectFrame = `{"type":"req","id":"c","method":"connect","params":{"minProtocol":3,"maxProtocol":3,"client":{"id":"cli","version":"1","platform":"linux","mode":"cli"},"auth":{"token":"TOKEN"}}}`

// rawConn is a connection and its reader, which may have read beyond what was asked of it.
type rawConn struct {
	net.Conn
	in *bufio.Reader
}

// rawConnect speaks the WebSocket protocol by hand as far as hello-ok.
func rawConnect(tb testing.TB, url string) rawConn {
	tb.Helper()
	addr := strings.TrimPrefix(url, "ws://")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", addr)
	r := bufio.NewReader(conn)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			tb.Fatal(err)
		}
		if line == "\r\n" {
			break
		}
	}
	if _, err := rawRead(r); err != nil { // the challenge
		tb.Fatal(err)
	}
	if _, err := conn.Write(rawFrame(strings.Replace(connectFrame, "TOKEN", token, 1))); err != nil {
		tb.Fatal(err)
	}
	for {
		msg, err := rawRead(r)
		if err != nil {
			tb.Fatal(err)
		}
		if bytes.Contains(msg, []byte("hello-ok")) {
			return rawConn{conn, r}
		}
	}
}

// rawFrame is a text frame of a client, masked with zeros.
func rawFrame(s string) []byte {
	f := []byte{0x81}
	switch n := len(s); {
	case n < 126:
		f = append(f, 0x80|byte(n))
	default:
		f = append(f, 0x80|126, byte(n>>8), byte(n))
	}
	return append(append(f, 0, 0, 0, 0), s...)
}

func rawRead(r *bufio.Reader) ([]byte, error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	n := int(head[1] & 0x7f)
	switch n {
	case 126:
		if _, err := io.ReadFull(r, head); err != nil {
			return nil, err
		}
		n = int(head[0])<<8 | int(head[1])
	case 127:
		long := make([]byte, 8)
		if _, err := io.ReadFull(r, long); err != nil {
			return nil, err
		}
		n = int(long[4])<<24 | int(long[5])<<16 | int(long[6])<<8 | int(long[7])
	}
	msg := make([]byte, n)
	_, err := io.ReadFull(r, msg)
	return msg, err
}
