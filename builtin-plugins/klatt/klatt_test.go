package klatt_test

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/klatt"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, klatt.New(), "testdata/*.jsonl") }

const rate = 16000

// said is a text's samples, from -1 to 1, by a voice.
func said(t *testing.T, text, voice string, speed uint32) []float64 {
	t.Helper()
	s, err := klatt.New().Synthesize(nil, &wit.SpeechOrder{Text: text, Voice: &voice, Format: wit.SoundFormatWav, Speed: speed})
	if err != nil {
		t.Fatalf("%.60q: %v", text, err)
	}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	b := s.Bytes
	if string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " || binary.LittleEndian.Uint32(b[24:]) != rate || int(binary.LittleEndian.Uint32(b[4:]))+8 != len(b) || int(binary.LittleEndian.Uint32(b[40:]))+44 != len(b) {
		t.Fatalf("no WAV file: % x", b[:44])
	}
	samples := make([]float64, (len(b)-44)/2)
	for i := range samples {
		samples[i] = float64(int16(binary.LittleEndian.Uint16(b[44+2*i:]))) / 32768
	}
	return samples
}

func power(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return sum / float64(max(len(x), 1))
}

// periodic is how alike the sound is to itself a period later, and that period's pitch in hertz.
func periodic(x []float64) (alike, pitch float64) {
	all := power(x) * float64(len(x))
	for lag := rate / 400; lag <= rate/70; lag++ {
		sum := 0.0
		for i := lag; i < len(x); i++ {
			sum += x[i] * x[i-lag]
		}
		if sum /= all * float64(len(x)-lag) / float64(len(x)); sum > alike+0.05 {
			alike, pitch = sum, rate/float64(lag)
		}
	}
	return alike, pitch
}

// formants are the first two peaks of the sound's spectral envelope in hertz, by linear prediction.
func formants(x []float64) (first, second float64) {
	const order = 18
	w := make([]float64, len(x)-1)
	for i := range w {
		w[i] = (x[i+1] - 0.95*x[i]) * (0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(w)-1)))
	}
	var r [order + 1]float64
	for lag := range r {
		for i := lag; i < len(w); i++ {
			r[lag] += w[i] * w[i-lag]
		}
	}
	a, e := [order + 1]float64{1}, r[0]
	for i := 1; i <= order; i++ {
		k := r[i]
		for j := 1; j < i; j++ {
			k += a[j] * r[i-j]
		}
		k /= -e
		old := a
		for j := 1; j <= i; j++ {
			a[j] = old[j] + k*old[i-j]
		}
		e *= 1 - k*k
	}
	level := func(hz float64) float64 {
		re, im := 0.0, 0.0
		for j, c := range a {
			re += c * math.Cos(2*math.Pi*hz*float64(j)/rate)
			im += c * math.Sin(2*math.Pi*hz*float64(j)/rate)
		}
		return 1 / (re*re + im*im)
	}
	for hz := 200.0; hz < 3500; hz += 5 {
		if l := level(hz); l > level(hz-5) && l >= level(hz+5) {
			if first == 0 {
				first = hz
			} else {
				return first, hz
			}
		}
	}
	return first, 0
}

// TestVowels: in the middle of a word, the voice sounds, at its pitch, and the resonances are those of the vowel: what tells ee
// from ah and oo for a listener.
func TestVowels(t *testing.T) {
	for _, c := range []struct {
		word          string
		first, second float64
	}{
		{"bee", 290, 2180}, {"bad", 680, 1700}, {"bod", 720, 1150}, {"bed", 550, 1750}, {"bid", 400, 1900},
	} {
		x := said(t, c.word, "man", 100)
		for len(x) > 0 && math.Abs(x[len(x)-1]) < 0.01 {
			x = x[:len(x)-1]
		}
		middle := x[len(x)*45/100 : len(x)*45/100+rate/16]
		alike, pitch := periodic(middle[:rate/32])
		if alike < 0.7 || pitch < 80 || pitch > 180 {
			t.Errorf("%s: %.2f periodic, at %.0f Hz", c.word, alike, pitch)
		}
		first, second := formants(middle)
		if math.Abs(first-c.first) > 0.2*c.first || math.Abs(second-c.second) > 0.12*c.second {
			t.Errorf("%s: resonances at %.0f and %.0f Hz, want about %.0f and %.0f", c.word, first, second, c.first, c.second)
		}
	}
}

// TestConsonants: s is a noise that is mostly high, and p and t are closed for a time.
func TestConsonants(t *testing.T) {
	x := said(t, "see", "man", 100)
	hiss := x[rate/40 : rate/40+rate/25]
	high := make([]float64, len(hiss)-2)
	for i := range high {
		high[i] = (hiss[i+2] - 2*hiss[i+1] + hiss[i]) / 4 // what is above 4 kHz passes
	}
	if alike, _ := periodic(hiss); alike > 0.5 || power(high) < 0.3*power(hiss) || power(hiss) < 1e-4 {
		t.Errorf("s: %.2f periodic, power %.5f, of that %.5f high", alike, power(hiss), power(high))
	}
	x = said(t, "upper", "man", 100)
	quiet, run := 0, 0
	for i := rate / 20; i+80 < len(x)-rate/2; i += 80 {
		if run++; power(x[i:i+80]) > 1e-5 {
			run = 0
		}
		quiet = max(quiet, run)
	}
	if ms := quiet * 5; ms < 25 || ms > 120 {
		t.Errorf("p is closed for %d ms", ms)
	}
}

// TestPace: a syllable takes as long as people take for one, half that at twice the speed; what is asked rises, what is said falls.
func TestPace(t *testing.T) {
	const text, syllables = "The weather will be fine tomorrow and colder at the end of the week.", 18
	usual := float64(len(said(t, text, "man", 100))) / rate
	if each := usual / syllables; each < 0.13 || each > 0.3 {
		t.Errorf("a syllable takes %.0f ms", each*1000)
	}
	if fast := float64(len(said(t, text, "man", 200))) / rate; fast > 0.6*usual || fast < 0.4*usual {
		t.Errorf("%.1f s, at twice the speed %.1f", usual, fast)
	}
	end := func(text string) float64 {
		x := said(t, text, "man", 100)
		for len(x) > 0 && math.Abs(x[len(x)-1]) < 0.03 {
			x = x[:len(x)-1]
		}
		_, pitch := periodic(x[len(x)-rate/14:])
		return pitch
	}
	if asked, stated := end("Are you there now?"), end("You are there now."); asked < 1.3*stated {
		t.Errorf("a question ends at %.0f Hz, a statement at %.0f", asked, stated)
	}
	if _, man := periodic(said(t, "ah", "man", 100)[rate/20 : rate/20+rate/10]); man > 150 {
		t.Errorf("a man speaks at %.0f Hz", man)
	}
	if _, woman := periodic(said(t, "ah", "woman", 100)[rate/20 : rate/20+rate/10]); woman < 170 {
		t.Errorf("a woman speaks at %.0f Hz", woman)
	}
}

// TestSameEachTime: nothing but the text, the voice and the speed decides what it sounds like.
func TestSameEachTime(t *testing.T) {
	one, two, other := said(t, "Hello there.", "woman", 100), said(t, "Hello there.", "woman", 100), said(t, "Hollow there.", "woman", 100)
	differs := func(a, b []float64) bool {
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				return true
			}
		}
		return len(a) != len(b)
	}
	if differs(one, two) || !differs(one, other) {
		t.Error("the same text sounds different, or another the same")
	}
	for _, v := range one {
		if math.Abs(v) > 0.985 {
			t.Fatal("it is too loud")
		}
	}
}

// TestBound: the longest text that the manifest allows is said, a longer one is refused and not cut.
func TestBound(t *testing.T) {
	said(t, strings.Repeat("The rain in Spain stays mainly in the plain. ", 15), "man", 100)
	_, err := klatt.New().Synthesize(nil, &wit.SpeechOrder{Text: strings.Repeat("123456789 ", 70), Format: wit.SoundFormatWav, Speed: 100})
	if wit.CodeOf(err) != wit.CodeTooLarge {
		t.Errorf("what takes too long: %v", err)
	}
}
