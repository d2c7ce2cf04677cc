package webchattest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/crowd"
)

// Crowd is many visitors of one account's page, as the tests of all channels have it. Trouble is theirs: connections that break, answers
// that are lost, calls that are made twice, pages that are loaded again and acknowledge late.
type Crowd struct {
	change.Signal
	*crowd.Dice

	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup

	mu     sync.Mutex
	base   string // "" while the gateway is not known
	there  bool   // the page answers
	people map[int]*person
}

// person is one visitor, with what they have to say.
type person struct {
	*Visitor
	says chan string
}

var _ channeltest.Reachable = (*Crowd)(nil)

// NewCrowd returns a crowd with the trouble that a seed makes.
func NewCrowd(seed uint64) (*Crowd, error) {
	c := &Crowd{Dice: crowd.NewDice(seed), people: map[int]*person{}}
	c.life, c.end = context.WithCancel(context.Background())
	return c, nil
}

// Account implements channeltest.Platform.
func (c *Crowd) Account() channeltest.Account {
	return channeltest.Account{Channel: "webchat", Config: map[string]any{"callsPerMinute": 6000}, Secrets: map[string]string{}, Deduplicates: true}
}

// Reach implements channeltest.Reachable.
func (c *Crowd) Reach(url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base, c.there = url+"/chat/default/", false
	for _, p := range c.people {
		p.move(c.base)
	}
	base := c.base
	c.work.Go(func() { c.look(base) })
}

// move says where the page is now.
func (v *Visitor) move(base string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.base = base
}

// look asks until the page is there.
func (c *Crowd) look(base string) {
	v := New(base, nil)
	for c.life.Err() == nil {
		err := v.Enter(c.life)
		if err == nil {
			err = v.Post(c.life, "call/about", struct{}{}, nil)
		}
		c.mu.Lock()
		if moved := c.base != base; err == nil || moved {
			c.there = c.there || !moved
			c.Raise()
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		pause(c.life, 20*time.Millisecond)
	}
}

// Connected implements channeltest.Platform.
func (c *Crowd) Connected() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.there }

// unlucky reports whether something goes wrong that does so once in n times.
func (c *Crowd) unlucky(n int) bool { return c.Roll(n) == 0 }

// Say implements channeltest.Platform.
func (c *Crowd) Say(number int, text string) {
	c.mu.Lock()
	p := c.people[number]
	if p == nil {
		p = &person{New(c.base, &http.Client{Transport: &http.Transport{}}), make(chan string, 1000)}
		c.people[number] = p
		c.work.Go(func() { c.talk(p) })
		c.work.Go(func() { c.stay(p) })
	}
	c.mu.Unlock()
	p.says <- text
}

// talk says what somebody has to say, each until it is answered.
func (c *Crowd) talk(p *person) {
	for n := 0; ; n++ {
		select {
		case text := <-p.says:
			id := fmt.Sprint("m", n)
			for c.life.Err() == nil && !c.said(p, id, text) {
				pause(c.life, 20*time.Millisecond)
			}
			if c.unlucky(10) {
				_ = p.Say(c.life, id, text) // whose answer was lost
			}
		case <-c.life.Done():
			return
		}
	}
}

// said says something once, and reports whether the answer came.
func (c *Crowd) said(p *person, id, text string) bool {
	ctx, cancel := context.WithTimeout(c.life, 10*time.Second)
	defer cancel()
	token := p.Token()
	err := p.Say(ctx, id, text)
	if refused := (*Refusal)(nil); errors.As(err, &refused) {
		if refused.Status == http.StatusForbidden {
			_ = p.Renew(ctx, token) // it is tried again
		}
		pause(ctx, refused.After)
	}
	return err == nil && !c.unlucky(15)
}

// stay listens. Now and then the connection breaks, and the page is loaded again.
func (c *Crowd) stay(p *person) {
	for c.life.Err() == nil {
		ctx, cancel := context.WithCancel(c.life)
		c.work.Go(func() {
			defer cancel()
			c.watch(ctx, p)
		})
		p.listen(ctx)
		cancel()
		if c.unlucky(4) {
			p.reload()
		}
		pause(c.life, 10*time.Millisecond)
	}
}

// reload forgets what the page shows, as a browser does.
func (v *Visitor) reload() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seq = 0
}

// watch tells of what comes on a connection, acknowledges it, and breaks the connection now and then.
func (c *Crowd) watch(ctx context.Context, p *person) {
	for before := len(p.Heard()); ; {
		if p.Until(ctx, func() bool { return len(p.Heard()) > before }) != nil {
			return
		}
		before = len(p.Heard())
		c.Taken()
		c.Raise()
		if c.unlucky(3) {
			return
		}
		_ = p.Ack(ctx) // a later one says the same
	}
}

// Heard implements channeltest.Platform: each message once, as the page shows it.
func (c *Crowd) Heard() (heard []channeltest.Heard) {
	c.mu.Lock()
	people := make([]*person, 0, len(c.people))
	numbers := make([]int, 0, len(c.people))
	for n, p := range c.people {
		numbers, people = append(numbers, n), append(people, p)
	}
	c.mu.Unlock()
	for i, p := range people {
		for _, m := range p.Heard() {
			heard = append(heard, channeltest.Heard{Person: numbers[i], Text: m.Text, At: m.At})
		}
	}
	slices.SortStableFunc(heard, func(a, b channeltest.Heard) int { return a.Person - b.Person })
	return heard
}

// Streams is how many event streams there were, of all visitors.
func (c *Crowd) Streams() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.people {
		n += p.Streams()
	}
	return n
}

// Close implements channeltest.Platform.
func (c *Crowd) Close() error {
	c.end()
	c.work.Wait()
	return nil
}

// Page is the address of an account's page.
func (c *Crowd) Page(account string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.TrimSuffix(c.base, "default/") + account + "/"
}
