package channeltest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Oracle asks questions whose answers are known, and counts what became of them. The assistant has to be the built-in
// offline provider, which multiplies. It may be used by several goroutines.
type Oracle struct {
	mu    sync.Mutex
	asked map[int]Question
}

// Question is what somebody asked.
type Question struct {
	Person int
	At     time.Time
}

// first is the number that the first question asks about.
const first = 10_001

// Ask returns the next question, for a person to say.
func (o *Oracle) Ask(person int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.asked == nil {
		o.asked = map[int]Question{}
	}
	n := first + len(o.asked)
	o.asked[n] = Question{person, time.Now()}
	return fmt.Sprintf("what is 3*%d?", n)
}

// answer is the number that was asked about, and the product, however the platform writes a star.
var answer = regexp.MustCompile(`3\\?\*(\d+) is ([\d,]+)`)

// Tally is what became of the questions.
type Tally struct {
	// Asked is how many there were.
	Asked int
	// Lost has the numbers of those without an answer, Answers the answers to each other, in the order in which they came.
	Lost    []int
	Answers map[int][]Heard
	// Wrong are texts that answer nothing that this person asked.
	Wrong []string
	// Disordered counts answers that came before the answer to an earlier question of the same person.
	Disordered int
}

// Doubled are the questions that were answered more than once.
func (t *Tally) Doubled() (numbers []int) {
	for n, list := range t.Answers {
		if len(list) > 1 {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// Count says what became of all questions so far, by what people have heard.
func (o *Oracle) Count(heard []Heard) *Tally {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := &Tally{Asked: len(o.asked), Answers: map[int][]Heard{}}
	latest := map[int]int{}
	for _, h := range heard {
		n, product := 0, 0
		if found := answer.FindStringSubmatch(h.Text); found != nil {
			n, _ = strconv.Atoi(found[1])
			product, _ = strconv.Atoi(strings.ReplaceAll(found[2], ",", ""))
		}
		if q, asked := o.asked[n]; !asked || q.Person != h.Person || product != 3*n {
			t.Wrong = append(t.Wrong, fmt.Sprintf("to %d: %.80q", h.Person, h.Text))
			continue
		}
		if len(t.Answers[n]) == 0 && n < latest[h.Person] {
			t.Disordered++
		}
		latest[h.Person] = max(n, latest[h.Person])
		t.Answers[n] = append(t.Answers[n], h)
	}
	for n := range o.asked {
		if len(t.Answers[n]) == 0 {
			t.Lost = append(t.Lost, n)
		}
	}
	return t
}
