package channeltest

import (
	"fmt"
	"regexp"
	"slices"
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

// question is the number that is asked about, in whatever stands around it.
var question = regexp.MustCompile(`what is 3\*(\d+)\?`)

// answer is the number that was asked about, and the product, however the platform writes a star.
var answer = regexp.MustCompile(`3\\?\*(\d+) is ([\d,]+)`)

// Tally is what became of the questions.
type Tally struct {
	// Asked is how many there were.
	Asked int
	// Lost has the numbers of those without an answer, Answers the answers to each other, in the order in which they came.
	Lost    []int
	Answers map[int][]Heard
	// Wrong are texts that answer nothing that this person asked, and Unfinished those among them that are no answer.
	Wrong      []string
	Unfinished []Heard
	// Disordered counts answers that came after the answer to a question that the same person asked later; where the platform says
	// what the account was told, of which the account was told later.
	Disordered int
	// Told is when the account was told of each, where the platform says so.
	Told map[int][]Told
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

// Count says what became of all questions so far, by what people have heard and, of a Teller, by what the account was told.
func (o *Oracle) Count(heard []Heard, told ...Told) *Tally {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := &Tally{Asked: len(o.asked), Answers: map[int][]Heard{}, Told: map[int][]Told{}}
	for _, said := range told {
		if found := question.FindStringSubmatch(said.Text); found != nil {
			n, _ := strconv.Atoi(found[1])
			t.Told[n] = append(t.Told[n], said)
		}
	}
	answered := map[int][]int{} // by person, in this order
	for _, h := range heard {
		n, product := 0, 0
		if found := answer.FindStringSubmatch(h.Text); found != nil {
			n, _ = strconv.Atoi(found[1])
			product, _ = strconv.Atoi(strings.ReplaceAll(found[2], ",", ""))
		}
		if q, asked := o.asked[n]; !asked || q.Person != h.Person || product != 3*n {
			if t.Wrong = append(t.Wrong, wrong(h)); n == 0 {
				t.Unfinished = append(t.Unfinished, h)
			}
			continue
		}
		before := answered[h.Person]
		if len(t.Answers[n]) == 0 && slices.ContainsFunc(before, func(other int) bool { return t.precedes(n, other) }) {
			t.Disordered++
		}
		answered[h.Person] = append(before, n)
		t.Answers[n] = append(t.Answers[n], h)
	}
	for n := range o.asked {
		if len(t.Answers[n]) == 0 {
			t.Lost = append(t.Lost, n)
		}
	}
	return t
}

func wrong(h Heard) string { return fmt.Sprintf("to %d: %.80q", h.Person, h.Text) }

// Forgive takes a text that is no answer out of those that are wrong.
func (t *Tally) Forgive(h Heard) {
	if i := slices.Index(t.Wrong, wrong(h)); i >= 0 {
		t.Wrong = slices.Delete(t.Wrong, i, i+1)
	}
}

// precedes reports whether the account was told of a question before it was told of another one. While it has not said that it has the
// first, it may take either for the first.
func (t *Tally) precedes(one, other int) bool {
	if len(t.Told) == 0 {
		return one < other
	}
	taken := slices.IndexFunc(t.Told[one], func(s Told) bool { return !s.Taken.IsZero() })
	return taken >= 0 && len(t.Told[other]) > 0 && !t.Told[one][taken].Taken.After(t.Told[other][0].At) && one != other
}
