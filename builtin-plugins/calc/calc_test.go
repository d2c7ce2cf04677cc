package calc_test

import (
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/calc"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, calc.New(), "testdata/*.jsonl") }

func TestEvaluate(t *testing.T) {
	for expression, want := range map[string]string{
		"17*23":              "391",
		"0.1+0.2":            "0.3",
		"1/3*3":              "1",
		"1/3":                "0.333333333333333333333333333333",
		"2/3":                "0.666666666666666666666666666667",
		"1/8":                "0.125",
		"-1/8":               "-0.125",
		"2+3*4":              "14",
		"(2+3)*4":            "20",
		"2^3^2":              "512",
		"-2^2":               "-4",
		"(-2)^2":             "4",
		"2^-2":               "0.25",
		"2^0.5":              "1.41421356237309504880168872421",
		"sqrt(2)^2":          "2",
		"sqrt(144)":          "12",
		"sqrt(1/4)":          "0.5",
		"sqrt(0.0001)":       "0.01",
		"2^64":               "18446744073709551616",
		"2^100 - 2^100 + 1":  "1",
		"20!":                "2432902008176640000",
		"fact(5)":            "120",
		"0!":                 "1",
		"7 % 3":              "1",
		"-7 % 3":             "2",
		"7.5 % 2":            "1.5",
		"200*15%":            "30",
		"15% + 1":            "1.15",
		"50%":                "0.5",
		"1e3":                "1000",
		"1.5e-3":             "0.0015",
		"2E+2":               "200",
		".5 + 5.":            "5.5",
		"007":                "7",
		"pi":                 "3.14159265358979323846264338328",
		"sin(pi)":            "0",
		"sin(pi/2)":          "1",
		"cos(0)":             "1",
		"ln(e)":              "1",
		"log(1000)":          "3",
		"log2(8)":            "3",
		"exp(0)":             "1",
		"cbrt(27)":           "3",
		"atan(1)*4":          "3.14159265358979",
		"abs(-3.5)":          "3.5",
		"floor(-0.5)":        "-1",
		"ceil(-0.5)":         "0",
		"round(2.5)":         "3",
		"round(-2.5)":        "-3",
		"min(3, 1, 2)":       "1",
		"max(3, 1, 2)":       "3",
		"--5":                "5",
		"+5":                 "5",
		"0^0":                "1",
		"0*-1":               "0",
		"1^99999999999":      "1",
		"(-1)^99999999999":   "-1",
		"1/1e40":             "1e-40",
		"1/7e40":             "1.42857142857142857142857142857e-41",
		"1e40/7":             "1.42857142857142857142857142857e39",
		"100000/7":           "14285.7142857142857142857142857",
		"  12 \n* \t2 ":      "24",
		"PI*0":               "0",
		"exp(100)":           "2.68811714181614e43",
		"exp(2)^0":           "1",
		"floor(exp(2))":      "7",
		"sin(1)^2+cos(1)^2":  "1",
		"0.00000012":         "0.00000012",
		"0.000000012":        "1.2e-8",
		"1000000*0.0000001":  "0.1",
		"99999999999999/7e5": "142857142.857141428571428571429",
	} {
		got, err := calc.Evaluate(expression)
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", expression, got, err, want)
		}
	}
}

func TestProblemsNameTheirPosition(t *testing.T) {
	for expression, want := range map[string]string{
		"":                        "position 1: the expression is empty",
		"   ":                     "position 1: the expression is empty",
		"1+":                      "position 3: expected a number, found the end",
		"1+*2":                    `position 3: expected a number, found "*"`,
		"(1+2":                    "position 1: this parenthesis is never closed",
		"1+2)":                    `position 4: expected an operator, found ")"`,
		"2 3":                     `position 3: expected an operator, found "3"`,
		"2pi":                     `position 2: expected an operator, found "p"`,
		"1/0":                     "position 2: division by zero",
		"5 % 0":                   "position 3: division by zero",
		"0^-1":                    "position 2: division by zero",
		"1..2":                    `position 1: this is no number: "1..2"`,
		".":                       `position 1: this is no number: "."`,
		"x+1":                     `position 1: unknown name "x"`,
		"1+frob(2)":               `position 3: unknown function "frob"`,
		"sqrt(1,2)":               "position 1: sqrt takes one argument, not 2",
		"sqrt(-1)":                "position 1: the square root of a negative",
		"(-8)^(1/3)":              "position 5: a fractional power of a negative",
		"asin(2)":                 "position 1: asin has no real value",
		"exp(1000)":               "position 1: exp is too large",
		"ln(0)":                   "position 1: ln is too large",
		"9^9^9":                   "position 2: the result has more than 1000 digits",
		"1000!":                   "position 5: the result has more than 1000 digits",
		"2.5!":                    "position 4: factorials are of whole numbers",
		"1e501":                   "position 1: exponents go from",
		"1e99999999999999999999":  "position 1: exponents go from",
		"min()":                   `position 5: expected a number, found ")"`,
		"max(1":                   "position 4: this parenthesis is never closed",
		"max(1;2)":                `position 6: expected , or ), found ";"`,
		"1 + é":                   `position 5: expected a number, found "é"`,
		strings.Repeat("(", 100):  "position 51: nested more than 50 deep",
		strings.Repeat("-", 900):  "position 51: nested more than 50 deep",
		strings.Repeat("1", 1001): "position 1001: the expression is longer",
	} {
		got, err := calc.Evaluate(expression)
		if wit.CodeOf(err) != wit.CodeInvalid || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60s: got %q, %v, want %q", expression, got, err, want)
		}
	}
}

func TestWorkIsBounded(t *testing.T) {
	long := strings.Repeat("9", 990)
	for name, expression := range map[string]string{
		"fractions": strings.TrimSuffix(strings.Repeat("1/1e499+1/7+", 83), "+"),
		"decimals":  strings.TrimSuffix(strings.Repeat("1.1^999*0+", 99), "+"),
		"sevenths":  strings.TrimSuffix(strings.Repeat("3/7^999*1/9^9+", 70), "+"),
		"towers":    "9^9^9^9^9^9",
		"many!":     strings.Repeat("449!+", 160) + "1",
		"long":      long + "*" + long[:9],
		"powers":    strings.Repeat("(", 49) + "1.1" + strings.Repeat("^7)", 49),
		"roots":     strings.Repeat("sqrt(", 40) + "3" + strings.Repeat(")", 40),
	} {
		start := time.Now()
		if got, err := calc.Evaluate(expression); len(got) > 2000 || err == nil && got == "" {
			t.Errorf("%s: %d digits", name, len(got))
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestInvoke(t *testing.T) {
	host := (&sdktest.Host{}).SDK()
	output, err := calc.New().Invoke(host, &wit.ToolInvocation{Name: "calc", Args: wit.JSON(`{"expression":"1/0"}`)})
	if err != nil || !output.Failed || *output.Content[0].Text != "position 2: division by zero" {
		t.Errorf("got %+v, %v", output, err)
	}
	if _, err := calc.New().Invoke(host, &wit.ToolInvocation{}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("without arguments: %v", err)
	}
}

func FuzzEvaluate(f *testing.F) {
	for _, seed := range []string{"1+2*3", "sqrt(2)^-3!", "7%3%", "((1))", "1e-9/3", "min(1,2)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		got, err := calc.Evaluate(expression)
		switch {
		case err != nil && !strings.HasPrefix(err.Error(), "position "):
			t.Errorf("%q: %v", expression, err)
		case err == nil:
			again, err := calc.Evaluate(strings.TrimPrefix(got, "-"))
			if err == nil && again != strings.TrimPrefix(got, "-") && !strings.Contains(got, "e") {
				t.Errorf("%q is %s, which reads as %s", expression, got, again)
			}
		}
	})
}
